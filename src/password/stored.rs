//! Hashes as a database holds them: those of this service, and those that users bring from another one.

use argon2::password_hash::phc::{Output, PasswordHash as Phc};
use argon2::{Algorithm, Argon2, PasswordVerifier, Version};
use argon2id::{Kernel, Memory};
use pbkdf2::pbkdf2_hmac;
use pbkdf2::sha2::{Sha256, Sha512};
use scrypt::Scrypt;

use crate::values::{Fault, FaultCode};

/// No hash may take more memory than this to be verified: a sign-in would take it from all others.
const MAX_MEMORY_KIB: u64 = 256 * 1024;
/// Nor much longer than this.
const MAX_SECONDS: u64 = 5;
/// What a core of the year 2026 does at least.
const KIB_A_SECOND: u64 = 1024 * 1024;
const ROUNDS_A_SECOND: u64 = 1_000_000;
/// 2^16 rounds of bcrypt take about four seconds.
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=16;

/// A hash that can be verified: Argon2 of any kind, scrypt and PBKDF2 as a PHC string, or bcrypt in its own form.
///
/// Printing does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredHash {
    scheme: Scheme,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Argon2,
    Bcrypt,
    Scrypt,
    Pbkdf2,
}

impl std::fmt::Debug for StoredHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredHash({:?} …)", self.scheme)
    }
}

impl StoredHash {
    /// Reads a hash, and whether it can be verified with an effort that a service can afford.
    ///
    /// # Errors
    /// A [`Fault`] that says what is wrong, without the hash.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let scheme = match is_bcrypt(text) {
            true => bcrypt_of(text)?,
            false => {
                let (scheme, cost) = phc_of(text)?;
                cost.check()?;
                scheme
            }
        };
        Ok(StoredHash { scheme, text: text.to_owned() })
    }

    /// Reads a hash that was accepted once, whatever it costs: the service may be set to make hashes that it would take from
    /// nobody else.
    ///
    /// # Errors
    /// A [`Fault`] that says what is wrong, without the hash.
    pub fn of_database(text: &str) -> Result<Self, Fault> {
        let scheme = if is_bcrypt(text) { bcrypt_of(text)? } else { phc_of(text)?.0 };
        Ok(StoredHash { scheme, text: text.to_owned() })
    }

    /// The text, for the database.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Whether it is the hash of this password. It takes as long as it once took to make it: not for an async thread.
    pub fn is_of(&self, password: &[u8]) -> bool {
        match (self.scheme, Phc::new(&self.text)) {
            (Scheme::Bcrypt, _) => bcrypt::verify(password, &self.text).unwrap_or(false),
            (Scheme::Argon2, Ok(phc)) => is_argon2_of(&self.text, &phc, password).unwrap_or(false),
            (Scheme::Scrypt, Ok(phc)) => Scrypt::new().verify_password(password, &phc).is_ok(),
            (Scheme::Pbkdf2, Ok(phc)) => is_pbkdf2_of(&phc, password).unwrap_or(false),
            (_, Err(_)) => false,
        }
    }
}

/// A PHC string without a version is of the first one; the crate would take it for the last one.
fn version_of_argon2(phc: &Phc) -> Option<Version> {
    phc.version.map_or(Some(Version::V0x10), |version| Version::try_from(version).ok())
}

/// What new passwords are hashed with takes a third of the time, but knows no other kinds and versions.
fn is_argon2_of(text: &str, phc: &Phc, password: &[u8]) -> Option<bool> {
    match argon2id::phc::verify(Kernel::best(), text, password, &[], &mut Memory::default()) {
        Err(argon2id::Error::Foreign) => is_argon2_of_another_kind(phc, password),
        verified => verified.ok(),
    }
}

fn is_argon2_of_another_kind(phc: &Phc, password: &[u8]) -> Option<bool> {
    let algorithm = Algorithm::try_from(phc.algorithm.as_str()).ok()?;
    let argon2 = Argon2::new(algorithm, version_of_argon2(phc)?, argon2::Params::try_from(phc).ok()?);
    comes_to_the_same(phc, |salt, output| argon2.hash_password_into(password, salt, output).ok())
}

/// The crate wants a parameter `l` with any length but 32, which the hash itself has.
fn is_pbkdf2_of(phc: &Phc, password: &[u8]) -> Option<bool> {
    let rounds = pbkdf2::Params::try_from(&phc.params).ok()?.rounds();
    comes_to_the_same(phc, |salt, output| {
        match phc.algorithm.as_str() {
            "pbkdf2-sha512" => pbkdf2_hmac::<Sha512>(password, salt, rounds, output),
            _ => pbkdf2_hmac::<Sha256>(password, salt, rounds, output),
        }
        Some(())
    })
}

/// Whether the salt of a hash comes to the hash again; compared in constant time.
fn comes_to_the_same(phc: &Phc, hash: impl FnOnce(&[u8], &mut [u8]) -> Option<()>) -> Option<bool> {
    let (salt, expected) = (phc.salt.as_ref()?, phc.hash.as_ref()?);
    let mut output = [0; Output::MAX_LENGTH];
    let output = output.get_mut(..expected.len())?;
    hash(salt, output)?;
    Some(Output::new(output).ok()? == *expected)
}

fn is_bcrypt(text: &str) -> bool {
    ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|prefix| text.starts_with(prefix))
}

/// `$2b$12$`, 22 characters of salt and 31 of hash.
fn bcrypt_of(text: &str) -> Result<Scheme, Fault> {
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || b"./".contains(&byte);
    let parts = text
        .get(4..6)
        .zip(text.get(6..))
        .filter(|(_, rest)| rest.len() == 54 && rest.starts_with('$') && rest.bytes().skip(1).all(is_digit));
    let (cost, _) = parts.ok_or_else(|| Fault::new(FaultCode::Format, "is not a whole bcrypt hash"))?;
    let cost = cost.parse().ok().filter(|cost| BCRYPT_COSTS.contains(cost));
    cost.ok_or_else(|| Fault::new(FaultCode::Format, "has a bcrypt cost outside of 4 to 16"))?;
    Ok(Scheme::Bcrypt)
}

fn phc_of(text: &str) -> Result<(Scheme, Cost), Fault> {
    const ACCEPTED: &str = "must be a PHC string ($argon2id$…, $argon2i$…, $argon2d$…, $scrypt$…, $pbkdf2-sha256$…, $pbkdf2-sha512$…) or bcrypt ($2b$…)";
    let fault = |message| Fault::new(FaultCode::Format, message);
    let phc = Phc::new(text).map_err(|_| fault(ACCEPTED))?;
    let (scheme, cost) = match phc.algorithm.as_str() {
        "argon2id" | "argon2i" | "argon2d" => (Scheme::Argon2, cost_of_argon2(&phc)),
        "scrypt" => (Scheme::Scrypt, cost_of_scrypt(&phc)),
        "pbkdf2-sha256" | "pbkdf2-sha512" => (Scheme::Pbkdf2, cost_of_pbkdf2(&phc)),
        _ => return Err(fault(ACCEPTED)),
    };
    let is_whole = phc.salt.is_some() && phc.hash.is_some();
    let cost =
        cost.filter(|_| is_whole).ok_or_else(|| fault("lacks a part, or has a parameter that is not allowed"))?;
    Ok((scheme, cost))
}

/// What it takes to verify a hash, in about.
struct Cost {
    memory_kib: u64,
    seconds: u64,
}

impl Cost {
    fn check(&self) -> Result<(), Fault> {
        match self.memory_kib <= MAX_MEMORY_KIB && self.seconds <= MAX_SECONDS {
            true => Ok(()),
            false => Err(Fault::new(FaultCode::Format, "would take more than 256 MiB or some 5 s to be verified")),
        }
    }
}

fn cost_of_argon2(phc: &Phc) -> Option<Cost> {
    version_of_argon2(phc)?;
    let params = argon2::Params::try_from(phc).ok()?;
    let memory_kib = u64::from(params.m_cost());
    Some(Cost { memory_kib, seconds: memory_kib * u64::from(params.t_cost()) / KIB_A_SECOND })
}

/// RFC 7914, 2: a table of 128 r N bytes, which is filled once and read once, for each of p.
fn cost_of_scrypt(phc: &Phc) -> Option<Cost> {
    let params = scrypt::Params::try_from(phc).ok()?;
    let table_kib = 1_u64.checked_shl(params.log_n().into())?.checked_mul(u64::from(params.r()))?.div_ceil(8);
    Some(Cost { memory_kib: table_kib, seconds: table_kib.checked_mul(u64::from(params.p()) * 2)? / KIB_A_SECOND })
}

fn cost_of_pbkdf2(phc: &Phc) -> Option<Cost> {
    let params = pbkdf2::Params::try_from(&phc.params).ok()?;
    Some(Cost { memory_kib: 0, seconds: u64::from(params.rounds()) / ROUNDS_A_SECOND })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Hashes of `password` made by others: passlib, PHP, the reference implementation of Argon2.
    const OF_OTHERS: &[&str] = &[
        "$2b$05$ZjYEW8bC0WjG29OXn/MCa.c4Ej6uYOYdTbYn0Dt5vJYnQMcYpWMZC",
        "$2y$05$cLpuo3lyDHgOTjiCosYN2uggbEqNIvltAxVWgbiljavb9rcmoDQdW",
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQxMjM0NTY3OA$COKcH5BS1zk3BJ3jIkovf9X25q08D0A92iG0R1iL27Y",
        "$argon2id$v=16$m=256,t=2,p=2$c29tZXNhbHQxMjM0NTY3OA$t3fxjHCGWp2WwOAn/2Nd8f5HfQ3NZ7gx42oyD47jCgQ",
        "$argon2id$m=256,t=2,p=2$c29tZXNhbHQxMjM0NTY3OA$t3fxjHCGWp2WwOAn/2Nd8f5HfQ3NZ7gx42oyD47jCgQ",
        "$argon2i$v=19$m=256,t=2,p=2$c29tZXNhbHQxMjM0NTY3OA$j2mRWS7CdrTBP35mNp5o3htut0cYB9No7f8FSG1yVTQ",
        "$argon2i$v=16$m=256,t=2,p=2$c29tZXNhbHQxMjM0NTY3OA$Seojs1XInbdTZPfp0iVR8xMl0jOpVZjR8y/rzUkWNzI",
        "$argon2d$v=19$m=256,t=2,p=2$c29tZXNhbHQxMjM0NTY3OA$OFPrkQ/xzgu4EcmE8bhqAgEt3Aw9jXoDAKdenExNhvQ",
        "$argon2d$v=16$m=256,t=2,p=2$c29tZXNhbHQxMjM0NTY3OA$YKSIIRgWsDUk29B48HZhaydtD8KqMwtI3y55LcInPlI",
        "$pbkdf2-sha512$i=1000$c2FsdC1vZi1kamFuZ28$yjWASVin18Gf+8+YqRkPl8ykZ1s8du3avnQNudGXxRX17BomZtl+WlLGmQd9n40HGO1nnKDqeB6kMRq2wzcI6A",
        "$pbkdf2-sha256$i=1000$c2FsdC1vZi1kamFuZ28$MHzvgVEzLE7XwTkg7qG7UOBOHxj4zAp78uc7iyLs5lM",
        "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
    ];

    #[test]
    fn hashes_of_others_are_verified() {
        for text in OF_OTHERS {
            let hash = StoredHash::parse(text).unwrap_or_else(|fault| panic!("{text}: {}", fault.message));
            assert!(hash.is_of(b"password") && !hash.is_of(b"passwore"), "{text}");
            assert_eq!(hash.expose(), *text);
            assert!(!format!("{hash:?}").contains('$'));
        }
    }

    #[test]
    fn what_cannot_be_verified_or_costs_too_much_is_refused() {
        let salt_and_hash = "c29tZXNhbHQxMjM0NTY3OA$COKcH5BS1zk3BJ3jIkovf9X25q08D0A92iG0R1iL27Y";
        let with = |head: &str| format!("{head}${salt_and_hash}");
        for (text, says) in [
            (String::new(), "must be a PHC string"),
            ("correct horse".to_owned(), "must be a PHC string"),
            ("5f4dcc3b5aa765d61d8327deb882cf99".to_owned(), "must be a PHC string"),
            (with("$sha256$i=1000"), "must be a PHC string"),
            ("$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQxMjM0NTY3OA".to_owned(), "lacks a part"),
            (with("$argon2id$v=19$m=8,t=2,p=2"), "lacks a part"),
            (with("$argon2id$v=18$m=256,t=2,p=2"), "lacks a part"),
            (with("$argon2id$v=19$m=300000,t=1,p=1"), "256 MiB"),
            (with("$argon2id$v=19$m=262144,t=24,p=1"), "256 MiB"),
            (with("$argon2id$v=19$m=4294967295,t=4294967295,p=1"), "256 MiB"),
            (with("$scrypt$ln=19,r=8,p=1"), "256 MiB"),
            (with("$scrypt$ln=63,r=1,p=1"), ""),
            (with("$scrypt$ln=16,r=8,p=99"), "256 MiB"),
            (with("$pbkdf2-sha256$i=4000000000"), "256 MiB"),
            ("$2b$17$ZjYEW8bC0WjG29OXn/MCa.c4Ej6uYOYdTbYn0Dt5vJYnQMcYpWMZC".to_owned(), "a bcrypt cost"),
            ("$2b$05$ZjYEW8bC0WjG29OXn/MCa.c4Ej6uYOYdTbYn0Dt5vJYnQMcYpWMZ".to_owned(), "not a whole"),
            ("$2b$05$ZjYEW8bC0WjG29OXn/MCa.c4Ej6uYOYdTbYn0Dt5vJYnQMcYpWM!C".to_owned(), "not a whole"),
            ("$2b$0é$ZjYEW8bC0WjG29OXn/MCa.c4Ej6uYOYdTbYn0Dt5vJYnQMcYpWMZC".to_owned(), "not a whole"),
        ] {
            let Err(fault) = StoredHash::parse(&text) else { panic!("{text}") };
            assert!(fault.message.contains(says), "{text}: {}", fault.message);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>(), scheme in "\\$(argon2id|scrypt|pbkdf2-sha256|2b)\\$", rest in "[a-z0-9=,$./]{0,80}") {
            let _ = (StoredHash::parse(&text), StoredHash::parse(&(scheme + &rest)));
        }
    }
}
