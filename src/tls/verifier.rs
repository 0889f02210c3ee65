//! Whether a server is the one that is meant.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};

use super::certificate::Certificate;

/// Accepts a server with a certificate by an authority, or with exactly one of the certificates that are pinned.
#[derive(Debug)]
pub(super) struct Verifier {
    authorities: Option<Arc<dyn ServerCertVerifier>>,
    pinned: Vec<CertificateDer<'static>>,
    setting: &'static str,
    algorithms: WebPkiSupportedAlgorithms,
}

/// What keeps a certificate from being trusted whoever signed it, and what to do about it.
#[derive(Debug, thiserror::Error)]
enum Flaw {
    #[error(
        "the server's certificate is that of an authority (CA:TRUE): put exactly this one into the file of {setting}"
    )]
    Authority { setting: &'static str },
    #[error(
        "the server's certificate {what}: make one with `openssl req -x509 … -addext subjectAltName=DNS:HOST`, and put it \
         into the file of {setting}"
    )]
    Nameless { what: &'static str, setting: &'static str },
    #[error(
        "the server's certificate is for {name}, you asked for {host}: ask for {name}, or put a certificate for {host} into the \
         file of {setting}"
    )]
    OfAnother { name: String, host: String, setting: &'static str },
}

impl Verifier {
    pub fn new(
        authorities: Option<Arc<dyn ServerCertVerifier>>,
        pinned: Vec<CertificateDer<'static>>,
        setting: &'static str,
        provider: &CryptoProvider,
    ) -> Self {
        Self { authorities, pinned, setting, algorithms: provider.signature_verification_algorithms }
    }

    /// Trusts nobody.
    pub fn of_nobody(provider: &CryptoProvider) -> Self {
        Self::new(None, Vec::new(), "", provider)
    }

    /// Trusts what a file holds.
    pub fn of_file(
        authorities: RootCertStore,
        pinned: Vec<CertificateDer<'static>>,
        setting: &'static str,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        if authorities.is_empty() {
            return Ok(Self::new(None, pinned, setting, provider));
        }
        let authorities = WebPkiServerVerifier::builder_with_provider(authorities.into(), Arc::clone(provider));
        Ok(Self::new(Some(authorities.build()?), pinned, setting, provider))
    }

    /// Puts into words what an operator cannot guess from the name of an error.
    fn explain(&self, error: Error, certificate: &CertificateDer<'_>) -> Error {
        let Error::InvalidCertificate(fault) = &error else { return error };
        let setting = self.setting;
        let is_pinned = self.pinned.contains(certificate);
        let flaw = match (fault, Certificate::read(certificate)) {
            (CertificateError::NotValidForNameContext { presented, expected }, Some(read))
                if presented.is_empty()
                    && is_pinned
                    && let Some(name) = read.common_name() =>
            {
                Flaw::OfAnother { name, host: expected.to_str().into_owned(), setting }
            }
            (CertificateError::NotValidForNameContext { presented, .. }, _) if presented.is_empty() => {
                Flaw::Nameless { what: "names no host in a subjectAltName", setting }
            }
            (CertificateError::Other(_), Some(read)) if read.is_of_version_1() => {
                Flaw::Nameless { what: "is of X.509 version 1, which names no host", setting }
            }
            (CertificateError::Other(_), Some(read)) if read.is_authority() => Flaw::Authority { setting },
            _ => return error,
        };
        Error::Other(OtherError(Arc::new(flaw)))
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = match &self.authorities {
            _ if self.pinned.contains(end_entity) => verify_pinned(end_entity, host, now),
            Some(authorities) => authorities.verify_server_cert(end_entity, intermediates, host, ocsp_response, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        verdict.map_err(|error| self.explain(error, end_entity))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The operator vouches for the certificate: nobody's signature is needed, and it may be an authority's.
fn verify_pinned(
    certificate: &CertificateDer<'_>,
    host: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    let read = Certificate::read(certificate).ok_or(CertificateError::BadEncoding)?;
    read.check_dates(now)?;
    match verify_server_name(&ParsedCertificate::try_from(certificate)?, host) {
        Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }))
            if presented.is_empty() && read.has_common_name(host) => {}
        verdict => verdict?,
    }
    Ok(ServerCertVerified::assertion())
}
