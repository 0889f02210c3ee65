//! What a password is held against where there is no user: the hash of somebody else. Hashes of different kinds and strengths take
//! different times, and so an address that is nobody's takes as long as that of some user.

use crate::accounts::users;
use crate::error::Result;
use crate::password::StoredHash;
use crate::sealing::HASH_BYTES;
use crate::store::Db;

/// Letters that point to a place in the order of addresses.
const LETTERS: usize = 8;

/// The hash for an address that is counted under this keyed hash, always that of the same user: the time for one address does not
/// change from try to try, and nobody can say which addresses share it. None where there are no users.
///
/// # Errors
/// When the database fails.
pub(super) async fn of(db: &Db, address: &[u8; HASH_BYTES]) -> Result<Option<StoredHash>> {
    let hash = users::hash_near(db, &point(address)).await?;
    Ok(hash.and_then(|hash| StoredHash::of_database(hash.expose()).ok()))
}

fn point(address: &[u8; HASH_BYTES]) -> String {
    address.iter().take(LETTERS).map(|byte| char::from(b'a' + byte % 26)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_spread_over_the_order_of_addresses() {
        assert_eq!(point(&[0; HASH_BYTES]), "aaaaaaaa");
        assert_eq!(point(&std::array::from_fn(|at| (at as u8).wrapping_mul(25))), "azyxwvut");
    }
}
