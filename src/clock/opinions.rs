//! What each clock says of the time. A clock less the machine's uptime is when the machine started; clocks that agree say the
//! same of that, however much later they are asked.

use time::{Duration, OffsetDateTime};

/// Clocks that are no further apart agree. (A time service that corrects a clock smoothly moves it by less between looks.)
const TOLERANCE: Duration = Duration::minutes(1);
/// A jump that has lasted for this long is believed: the clock was wrong before.
pub const BELIEVED_AFTER: Duration = Duration::hours(1);
/// A service that starts this long after its newest row may have been stopped, or its clock may be wrong.
const LONG_AGO: Duration = Duration::days(1);

/// Two clocks, read at one time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub wall: OffsetDateTime,
    pub uptime: Duration,
}

/// What the time may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub earliest: OffsetDateTime,
    pub latest: OffsetDateTime,
}

/// The jumps so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jumps {
    pub count: u64,
    /// By how much the clock jumped last.
    pub last: Duration,
    /// Whether that jump is neither believed nor taken back.
    pub is_open: bool,
}

/// When the machine started, in the opinion of each clock.
#[derive(Debug)]
pub(super) struct Opinions {
    /// Of the wall clock, as it is believed.
    believed: OffsetDateTime,
    /// Of the wall clock, as of now.
    wall: OffsetDateTime,
    /// The uptime at which the wall clock left what is believed.
    jumped_at: Option<Duration>,
    jumps: u64,
    last_jump: Duration,
    /// Of the newest row at the start of the service, and until which uptime that counts.
    rows: Option<(OffsetDateTime, Duration)>,
    /// Of the database's server.
    database: Option<OffsetDateTime>,
}

impl Opinions {
    pub fn new(reading: Reading) -> Self {
        let believed = reading.wall - reading.uptime;
        Opinions {
            believed,
            wall: believed,
            jumped_at: None,
            jumps: 0,
            last_jump: Duration::ZERO,
            rows: None,
            database: None,
        }
    }

    pub fn look(&mut self, reading: Reading) -> Interval {
        self.follow(reading);
        self.rows = self.rows.filter(|(_, until)| reading.uptime < *until);
        let others = [Some(self.believed), self.rows.map(|(started, _)| started), self.database];
        let earliest = others.into_iter().flatten().fold(self.wall, OffsetDateTime::min);
        Interval { earliest: earliest + reading.uptime, latest: self.wall.max(self.believed) + reading.uptime }
    }

    pub fn start_after(
        &mut self,
        newest: OffsetDateTime,
        before: Option<OffsetDateTime>,
        reading: Reading,
    ) -> Option<OffsetDateTime> {
        let known = before.filter(|before| newest - *before > LONG_AGO).unwrap_or(newest);
        let known = (reading.wall - known > LONG_AGO).then_some(known);
        self.rows = known.map(|known| (known - reading.uptime, reading.uptime + BELIEVED_AFTER));
        known
    }

    pub fn compare(&mut self, database: OffsetDateTime, reading: Reading) {
        self.database = Some(database - reading.uptime);
    }

    pub fn jumps(&self) -> Jumps {
        Jumps { count: self.jumps, last: self.last_jump, is_open: self.jumped_at.is_some() }
    }

    /// How far the wall clock is ahead of what is believed.
    pub fn ahead_of_uptime(&self) -> Duration {
        if self.jumped_at.is_some() { self.wall - self.believed } else { Duration::ZERO }
    }

    fn follow(&mut self, reading: Reading) {
        let before = std::mem::replace(&mut self.wall, reading.wall - reading.uptime);
        let stayed = (self.wall - before).abs() <= TOLERANCE;
        let is_back = (self.wall - self.believed).abs() <= TOLERANCE;
        match self.jumped_at {
            _ if is_back => self.believe(),
            Some(since) if stayed && reading.uptime - since >= BELIEVED_AFTER => self.believe(),
            Some(_) if stayed => {}
            _ => {
                self.jumps += 1;
                self.last_jump = self.wall - before;
                self.jumped_at = Some(reading.uptime);
            }
        }
    }

    fn believe(&mut self) {
        self.believed = self.wall;
        self.jumped_at = None;
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-11-22 08:00 UTC);
    const UPTIME: Duration = Duration::days(3);
    const JUMP: Duration = Duration::days(400);

    /// So long after the start, by a wall clock that is so far ahead.
    fn after(passed: Duration, ahead: Duration) -> Reading {
        Reading { wall: START + passed + ahead, uptime: UPTIME + passed }
    }

    fn started() -> Opinions {
        Opinions::new(after(Duration::ZERO, Duration::ZERO))
    }

    fn seconds(seconds: i64) -> Duration {
        Duration::seconds(seconds)
    }

    /// Earliest and latest, as far as they are from the time without any jump.
    fn doubt(opinions: &mut Opinions, passed: Duration, ahead: Duration) -> (Duration, Duration) {
        let interval = opinions.look(after(passed, ahead));
        (interval.earliest - (START + passed), interval.latest - (START + passed))
    }

    #[test]
    fn a_clock_that_is_corrected_smoothly_is_followed() {
        let mut opinions = started();
        for look in 1..100 {
            let ahead = seconds(look / 2);
            assert_eq!(doubt(&mut opinions, seconds(5 * look), ahead), (ahead, ahead));
        }
        assert_eq!(opinions.jumps().count, 0);
    }

    #[test]
    fn a_jump_for_a_moment_moves_what_is_old_not_at_all_whichever_way_it_goes() {
        for (jump, expected) in [(JUMP, (Duration::ZERO, JUMP)), (-JUMP, (-JUMP, Duration::ZERO))] {
            let mut opinions = started();
            assert_eq!(doubt(&mut opinions, seconds(5), jump), expected);
            assert_eq!(doubt(&mut opinions, seconds(60), jump), expected);
            assert!(opinions.jumps().is_open);
            assert_eq!(doubt(&mut opinions, seconds(65), seconds(1)), (seconds(1), seconds(1)));
            let jumps = opinions.jumps();
            assert_eq!((jumps.count, jumps.last, jumps.is_open), (1, jump, false));
        }
    }

    #[test]
    fn a_jump_that_lasts_an_hour_is_believed_and_one_that_moves_on_waits_again() {
        let mut opinions = started();
        let minutes = Duration::minutes;
        assert_eq!(doubt(&mut opinions, minutes(1), JUMP).0, Duration::ZERO);
        assert_eq!(doubt(&mut opinions, minutes(50), 2 * JUMP).0, Duration::ZERO);
        assert_eq!(doubt(&mut opinions, minutes(109), 2 * JUMP).0, Duration::ZERO);
        assert_eq!(doubt(&mut opinions, minutes(110), 2 * JUMP), (2 * JUMP, 2 * JUMP));
        assert_eq!(opinions.jumps().count, 2);
        assert_eq!(opinions.ahead_of_uptime(), Duration::ZERO);
    }

    #[test]
    fn a_machine_that_slept_has_not_jumped() {
        let mut opinions = started();
        assert_eq!(doubt(&mut opinions, Duration::days(2), Duration::ZERO), (Duration::ZERO, Duration::ZERO));
        assert_eq!(opinions.jumps().count, 0);
    }

    #[test]
    fn a_start_long_after_the_newest_row_goes_by_that_row_for_an_hour() {
        let mut opinions = started();
        let now = after(Duration::ZERO, Duration::ZERO);
        assert_eq!(opinions.start_after(START - Duration::hours(23), None, now), None);
        assert_eq!(doubt(&mut opinions, seconds(1), Duration::ZERO).0, Duration::ZERO);
        assert_eq!(opinions.start_after(START - JUMP, None, now), Some(START - JUMP));
        assert_eq!(doubt(&mut opinions, Duration::minutes(59), Duration::ZERO), (-JUMP, Duration::ZERO));
        assert_eq!(doubt(&mut opinions, Duration::minutes(60), Duration::ZERO), (Duration::ZERO, Duration::ZERO));
    }

    #[test]
    fn the_rows_of_a_jump_do_not_vouch_for_it() {
        let (mut opinions, jumped) = (started(), after(Duration::ZERO, JUMP));
        let (newest, before) = (START + JUMP - seconds(5), START - Duration::hours(2));
        assert_eq!(opinions.start_after(newest, Some(before), jumped), Some(before));
        assert_eq!(opinions.look(jumped).earliest, before);
        let steady = START + JUMP - Duration::hours(2);
        assert_eq!(opinions.start_after(newest, Some(steady), jumped), None);
    }

    #[test]
    fn a_database_whose_clock_is_behind_is_believed_one_that_is_ahead_is_not() {
        let mut opinions = started();
        opinions.compare(START - JUMP, after(Duration::ZERO, Duration::ZERO));
        assert_eq!(doubt(&mut opinions, Duration::hours(9), Duration::ZERO), (-JUMP, Duration::ZERO));
        opinions.compare(START + JUMP, after(Duration::ZERO, Duration::ZERO));
        assert_eq!(doubt(&mut opinions, Duration::hours(9), Duration::ZERO), (Duration::ZERO, Duration::ZERO));
    }
}
