//! A number of places that clients share. Where none is free, one gives way whose tenant does nothing, or waits for its client.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::ClientKey;

/// What takes a place.
pub trait Tenant: Send + Sync + 'static {
    /// What the place is used for, as of now.
    fn used(&self) -> Use;
    /// The place belongs to another now: end.
    fn give_way(&self);
}

/// What a place is used for, in the order in which places give way; and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// For nothing.
    Idle(Instant),
    /// To wait for the client: for the rest of a request, or until it takes an answer.
    Waiting(Instant),
    /// For something that has only just begun. It does not give way to another of the same client.
    New(Instant),
    /// For work. It does not give way.
    Work,
}

/// What works for as long as it has its place.
impl Tenant for () {
    fn used(&self) -> Use {
        Use::Work
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
    /// The client has all that one may have, and none gives way.
    ForClient,
    /// All are taken, and none gives way.
    ForAll,
}

impl<T: Tenant> Places<T> {
    /// All free. No client has more than half of them, unless its limit is 0, which means none of its own.
    pub fn new(total: usize, per_client: usize) -> Arc<Self> {
        let per_client = if per_client == 0 { usize::MAX } else { per_client.min(total.div_ceil(2)) };
        Arc::new(Places { total, per_client, taken: Mutex::new(Taken { count: 0, clients: HashMap::new() }) })
    }

    /// Takes a place. Where none is free, one gives way (see [`Use`]), and of its kind the one that is so for longest: one of
    /// the same client if that has its share, else one of the client that has most.
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
            taken.evict_of(client, |used| !matches!(used, Use::New(_))).ok_or(Full::ForClient)?;
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
    /// The first tenant of the client gives way that may.
    fn evict_of(&mut self, client: ClientKey, may: impl Fn(Use) -> bool) -> Option<()> {
        let (_, tenant) = first(self.clients.get(&client)?, may)?;
        tenant.give_way();
        self.remove(client, &tenant);
        Some(())
    }

    /// A tenant gives way whose client has most, and at least as many as the newcomer.
    fn evict_for(&mut self, own: usize) -> Option<()> {
        let candidates = self.clients.iter().filter(|(_, tenants)| tenants.len() >= own.max(1));
        let firsts = candidates.filter_map(|(client, tenants)| {
            let (used, _) = first(tenants, |_| true)?;
            Some((tenants.len(), std::cmp::Reverse(used), *client))
        });
        let (_, _, client) = firsts.max_by_key(|(count, used, _)| (*count, *used))?;
        self.evict_of(client, |_| true)
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

/// The first that gives way, of those that may.
fn first<T: Tenant>(tenants: &[Arc<T>], may: impl Fn(Use) -> bool) -> Option<(Use, Arc<T>)> {
    let able = tenants.iter().map(|tenant| (tenant.used(), tenant)).filter(|(used, _)| *used < Use::Work && may(*used));
    able.min_by_key(|(used, _)| *used).map(|(used, tenant)| (used, Arc::clone(tenant)))
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
        used: Use,
        left: AtomicBool,
    }

    impl Tenant for Guest {
        fn used(&self) -> Use {
            self.used
        }

        fn give_way(&self) {
            self.left.store(true, Relaxed);
        }
    }

    fn guest(used: Use) -> Arc<Guest> {
        Arc::new(Guest { used, left: AtomicBool::new(false) })
    }

    fn busy() -> Arc<Guest> {
        guest(Use::Work)
    }

    fn since(seconds: u64) -> Instant {
        Instant::now() - Duration::from_secs(seconds)
    }

    fn idle(seconds: u64) -> Arc<Guest> {
        guest(Use::Idle(since(seconds)))
    }

    fn waiting(seconds: u64) -> Arc<Guest> {
        guest(Use::Waiting(since(seconds)))
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
        let places = Places::new(3, 0);
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

    #[test]
    fn what_does_nothing_gives_way_before_what_waits_for_its_client() {
        let places = Places::new(3, 0);
        let guests = [waiting(60), idle(1), guest(Use::New(since(0)))];
        let _held = guests.each_ref().map(|guest| places.take(client(1), Arc::clone(guest)).unwrap());
        let orders = [[false, true, false], [true, true, false], [true, true, true]];
        for (newcomer, left_so_far) in (2..).zip(orders) {
            std::mem::forget(places.take(client(newcomer), busy()).unwrap());
            assert_eq!(guests.each_ref().map(|guest| left(guest)), left_so_far);
        }
        assert_eq!(places.take(client(9), busy()).err(), Some(Full::ForAll));
    }

    #[test]
    fn what_has_only_just_begun_gives_way_to_none_of_the_same_client() {
        let places = Places::new(4, 1);
        let _first = places.take(client(1), guest(Use::New(since(0)))).unwrap();
        assert_eq!(places.take(client(1), busy()).err(), Some(Full::ForClient));
    }

    #[test]
    fn no_client_has_more_than_half() {
        let places = Places::new(5, 100);
        let _half: Vec<_> = (0..3).map(|_| places.take(client(1), busy()).unwrap()).collect();
        assert_eq!(places.take(client(1), busy()).err(), Some(Full::ForClient));
    }
}
