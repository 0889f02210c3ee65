//! What a token says, and what of it is believed.

use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::telemetry::metrics::TokenFault;

/// RFC 9068, 2.1. Nothing else is claimed of that profile, which wants a `client_id`.
pub(super) const TYPE: &str = "at+jwt";
/// By so much the clocks of those who sign and of those who verify may differ.
pub(super) const LEEWAY: Duration = Duration::from_secs(5);

/// The claims of an access token (RFC 7519, 4.1). No role: what a user may do is read when it matters.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) aud: String,
    pub(super) sub: Uuid,
    pub(super) sid: Uuid,
    pub(super) iat: i64,
    pub(super) exp: i64,
    pub(super) jti: Uuid,
}

/// Who calls, as a token says that was signed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user_id: Uuid,
    /// The session that the token is of; it may have ended since.
    pub session_id: Uuid,
}

/// What is wrong with a token.
pub(super) fn fault_of(error: &ErrorKind) -> TokenFault {
    match error {
        ErrorKind::ExpiredSignature => TokenFault::Expired,
        ErrorKind::InvalidSignature => TokenFault::Signature,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => TokenFault::Algorithm,
        ErrorKind::InvalidIssuer
        | ErrorKind::InvalidAudience
        | ErrorKind::InvalidSubject
        | ErrorKind::ImmatureSignature
        | ErrorKind::InvalidClaimFormat(_)
        | ErrorKind::MissingRequiredClaim(_) => TokenFault::Claims,
        _ => TokenFault::Malformed,
    }
}

/// The head of a token that this key signs.
pub(super) fn header(kid: &str) -> Header {
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some(TYPE.to_owned());
    header.kid = Some(kid.to_owned());
    header
}

/// What must hold of a token. The crate asks for less by itself: one algorithm of several, a minute of leeway, no claim but `exp`.
pub(super) fn validation(issuer: &str, audience: &str) -> Validation {
    let mut validation = Validation::new(Algorithm::ES256);
    validation.leeway = LEEWAY.as_secs();
    validation.validate_nbf = true;
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation
}
