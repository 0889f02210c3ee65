//! A number of places that clients share. One that is not in use gives way when there is no other.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::ClientKey;

/// What takes a place.
pub trait Tenant: Send + Sync + 'static {
    /// Since when the place is not in use; `None` while it is.
    fn idle_since(&self) -> Option<Instant>;
    /// The place belongs to another now: end.
    fn give_way(&self);
}

/// What is always in use while it has its place.
impl Tenant for () {
    fn idle_since(&self) -> Option<Instant> {
        None
    }

    fn give_way(&self) {}
}

/// So many places in all, and so many for each client.
#[derive(Debug)]
pub struct Places<T> {
    total: usize,
    per_client: usize,
    taken: Mutex<Taken<T>>,
}

#[derive(Debug)]
struct Taken<T> {
    count: usize,
    clients: HashMap<ClientKey, Vec<Arc<T>>>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The client has all that one may have, and uses them.
    ForClient,
    /// All are taken, and none gives way.
    ForAll,
}

impl<T: Tenant> Places<T> {
    /// All free. A limit of 0 for each client means none of its own.
    pub fn new(total: usize, per_client: usize) -> Arc<Self> {
        let per_client = if per_client == 0 { total } else { per_client };
        Arc::new(Places { total, per_client, taken: Mutex::new(Taken { count: 0, clients: HashMap::new() }) })
    }

    /// Takes a place. Where none is free, the tenant that was idle for longest gives way: one of the same client if that
    /// has its share, else one of the client that has most.
    ///
    /// # Errors
    /// [`Full`] where no tenant gives way.
    pub fn take(self: &Arc<Self>, client: ClientKey, tenant: Arc<T>) -> Result<Place<T>, Full> {
        self.take_within(self.per_client, client, tenant)
    }

    /// The same for a client that stands for many, and has no share of its own.
    ///
    /// # Errors
    /// [`Full::ForAll`] where no tenant gives way.
    pub fn take_without_share(self: &Arc<Self>, client: ClientKey, tenant: Arc<T>) -> Result<Place<T>, Full> {
        self.take_within(usize::MAX, client, tenant)
    }

    fn take_within(self: &Arc<Self>, share: usize, client: ClientKey, tenant: Arc<T>) -> Result<Place<T>, Full> {
        let mut taken = self.taken();
        let own = taken.clients.get(&client).map_or(0, Vec::len);
        if own >= share {
            taken.evict_of(client).ok_or(Full::ForClient)?;
        } else if taken.count >= self.total {
            taken.evict_for(own).ok_or(Full::ForAll)?;
        }
        taken.clients.entry(client).or_default().push(Arc::clone(&tenant));
        taken.count += 1;
        Ok(Place { places: Arc::clone(self), client, tenant })
    }

    /// How many are taken.
    pub fn count(&self) -> usize {
        self.taken().count
    }

    fn taken(&self) -> MutexGuard<'_, Taken<T>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Tenant> Taken<T> {
    /// The client's tenant that was idle for longest gives way.
    fn evict_of(&mut self, client: ClientKey) -> Option<()> {
        let (_, tenant) = longest_idle(self.clients.get(&client)?)?;
        tenant.give_way();
        self.remove(client, &tenant);
        Some(())
    }

    /// A tenant gives way whose client has most, and at least as many as the newcomer.
    fn evict_for(&mut self, own: usize) -> Option<()> {
        let candidates = self.clients.iter().filter(|(_, tenants)| tenants.len() >= own.max(1));
        let idle = candidates.filter_map(|(client, tenants)| {
            let (since, _) = longest_idle(tenants)?;
            Some((tenants.len(), std::cmp::Reverse(since), *client))
        });
        let (_, _, client) = idle.max_by_key(|(count, since, _)| (*count, *since))?;
        self.evict_of(client)
    }

    fn remove(&mut self, client: ClientKey, tenant: &Arc<T>) {
        let Entry::Occupied(mut tenants) = self.clients.entry(client) else { return };
        if let Some(at) = tenants.get().iter().position(|other| Arc::ptr_eq(other, tenant)) {
            tenants.get_mut().swap_remove(at);
            self.count -= 1;
        }
        if tenants.get().is_empty() {
            tenants.remove();
        }
    }
}

fn longest_idle<T: Tenant>(tenants: &[Arc<T>]) -> Option<(Instant, Arc<T>)> {
    let idle = tenants.iter().filter_map(|tenant| Some((tenant.idle_since()?, tenant)));
    idle.min_by_key(|(since, _)| *since).map(|(since, tenant)| (since, Arc::clone(tenant)))
}

/// A place that is taken until it is dropped.
#[derive(Debug)]
pub struct Place<T: Tenant> {
    places: Arc<Places<T>>,
    client: ClientKey,
    tenant: Arc<T>,
}

impl<T: Tenant> Drop for Place<T> {
    fn drop(&mut self) {
        self.places.taken().remove(self.client, &self.tenant);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::time::Duration;

    use super::*;

    struct Guest {
        idle_since: Option<Instant>,
        left: AtomicBool,
    }

    impl Tenant for Guest {
        fn idle_since(&self) -> Option<Instant> {
            self.idle_since
        }

        fn give_way(&self) {
            self.left.store(true, Relaxed);
        }
    }

    fn busy() -> Arc<Guest> {
        Arc::new(Guest { idle_since: None, left: AtomicBool::new(false) })
    }

    fn idle(seconds: u64) -> Arc<Guest> {
        let since = Instant::now() - Duration::from_secs(seconds);
        Arc::new(Guest { idle_since: Some(since), left: AtomicBool::new(false) })
    }

    fn client(last: u8) -> ClientKey {
        IpAddr::from([192, 0, 2, last]).into()
    }

    fn left(guest: &Guest) -> bool {
        guest.left.load(Relaxed)
    }

    #[test]
    fn a_client_has_its_share_and_no_more() {
        let places = Places::new(10, 2);
        let _held = [places.take(client(1), busy()).unwrap(), places.take(client(1), busy()).unwrap()];
        assert_eq!(places.take(client(1), busy()).err(), Some(Full::ForClient));
        assert!(places.take(client(2), busy()).is_ok());
    }

    #[test]
    fn a_place_is_free_again_once_it_is_dropped() {
        let places = Places::new(1, 1);
        let place = places.take(client(1), busy()).unwrap();
        assert_eq!(places.take(client(2), busy()).err(), Some(Full::ForAll));
        drop(place);
        assert_eq!(places.count(), 0);
        assert!(places.take(client(2), busy()).is_ok());
        assert!(places.taken().clients.is_empty(), "nothing is kept of clients that left");
    }

    #[test]
    fn who_has_most_and_was_idle_for_longest_gives_way() {
        let places = Places::new(4, 3);
        let guests = [idle(1), idle(5), idle(3)];
        let _many = guests.each_ref().map(|guest| places.take(client(1), Arc::clone(guest)).unwrap());
        let lone = idle(60);
        let _one = places.take(client(2), Arc::clone(&lone)).unwrap();
        let _new = places.take(client(3), busy()).unwrap();
        assert_eq!(guests.each_ref().map(|guest| left(guest)), [false, true, false]);
        assert!(!left(&lone));
        assert_eq!(places.count(), 4);
    }

    #[test]
    fn a_client_with_many_takes_nothing_from_one_with_few() {
        let places = Places::new(3, 3);
        let _many = [places.take(client(1), busy()).unwrap(), places.take(client(1), busy()).unwrap()];
        let lone = idle(60);
        let _one = places.take(client(2), Arc::clone(&lone)).unwrap();
        assert_eq!(places.take(client(1), busy()).err(), Some(Full::ForAll));
        assert!(!left(&lone));
    }

    #[test]
    fn within_its_share_a_clients_own_idle_tenant_gives_way() {
        let places = Places::new(10, 1);
        let first = idle(1);
        let place = places.take(client(1), Arc::clone(&first)).unwrap();
        let _second = places.take(client(1), busy()).unwrap();
        assert!(left(&first));
        drop(place);
        assert_eq!(places.count(), 1, "the place that was given away is not freed twice");
    }
}
