//! What a certificate says of itself (RFC 5280), beyond what rustls tells.

use rustls::CertificateError;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::der::Decode;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::BasicConstraints;

use crate::text::escape;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// A certificate that was read.
pub(super) struct Certificate(TbsCertificate);

impl Certificate {
    pub fn read(certificate: &CertificateDer<'_>) -> Option<Self> {
        let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
        Some(Self(certificate.tbs_certificate))
    }

    /// Whether it may sign others. One of version 1 does not say, and has always been taken for an authority's.
    pub fn is_authority(&self) -> bool {
        self.is_of_version_1() || self.0.get::<BasicConstraints>().is_ok_and(|found| found.is_some_and(|(_, is)| is.ca))
    }

    pub fn is_of_version_1(&self) -> bool {
        self.0.version == Version::V1
    }

    /// Whether it is in force.
    pub fn check_dates(&self, now: UnixTime) -> Result<(), CertificateError> {
        let at = |time: x509_cert::time::Time| UnixTime::since_unix_epoch(time.to_unix_duration());
        let (not_before, not_after) = (at(self.0.validity.not_before), at(self.0.validity.not_after));
        if now.as_secs() < not_before.as_secs() {
            return Err(CertificateError::NotValidYetContext { time: now, not_before });
        }
        if now.as_secs() > not_after.as_secs() {
            return Err(CertificateError::ExpiredContext { time: now, not_after });
        }
        Ok(())
    }

    /// Whether its subject's common name is this host, as was usual before certificates had a subjectAltName.
    pub fn has_common_name(&self, host: &ServerName<'_>) -> bool {
        self.common_names().any(|name| name.eq_ignore_ascii_case(host.to_str().as_bytes()))
    }

    /// Its subject's common name, as it can be shown.
    pub fn common_name(&self) -> Option<String> {
        self.common_names().next().map(|name| escape(&String::from_utf8_lossy(name)).into_owned())
    }

    fn common_names(&self) -> impl Iterator<Item = &[u8]> {
        let attributes = self.0.subject.0.iter().flat_map(|names| names.0.iter());
        attributes.filter(|attribute| attribute.oid == COMMON_NAME).map(|attribute| attribute.value.value())
    }
}

/// Whether a certificate is that of an authority. What cannot be read here is left to rustls, which says what is wrong.
pub(super) fn is_authority(certificate: &CertificateDer<'_>) -> bool {
    Certificate::read(certificate).is_none_or(|certificate| certificate.is_authority())
}
