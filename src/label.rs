//! Closed sets of label values: the only way a value becomes a Prometheus label.
//!
//! What cannot be listed here (a path, an email address, an id) cannot become a label value, so the number of series is
//! fixed when the service is built. Each set knows all of its values, which is how every series exists from the first
//! scrape on.

/// One or more labels with a finite number of values.
pub trait LabelSet: Copy + 'static {
    /// How many combinations there are.
    const COUNT: usize;
    /// The label names, in order.
    fn names() -> Vec<&'static str>;
    /// Every combination, in the order of [`LabelSet::index`].
    fn all() -> Vec<Self>;
    /// The position of this combination in [`LabelSet::all`].
    fn index(self) -> usize;
    /// The label values, in the order of [`LabelSet::names`].
    fn values(self) -> Vec<&'static str>;
}

/// The label with this value.
pub fn parse<L: LabelSet>(value: &str) -> Option<L> {
    L::all().into_iter().find(|label| label.values() == [value])
}

impl<A: LabelSet, B: LabelSet> LabelSet for (A, B) {
    const COUNT: usize = A::COUNT * B::COUNT;

    fn names() -> Vec<&'static str> {
        [A::names(), B::names()].concat()
    }

    fn all() -> Vec<Self> {
        A::all().into_iter().flat_map(|a| B::all().into_iter().map(move |b| (a, b))).collect()
    }

    fn index(self) -> usize {
        self.0.index() * B::COUNT + self.1.index()
    }

    fn values(self) -> Vec<&'static str> {
        [self.0.values(), self.1.values()].concat()
    }
}

/// Declares an enum whose variants are the values of one label.
///
/// ```
/// neodyme::label::labels! {
///     /// The taste of an apple.
///     pub enum Taste("taste") {
///         /// Like sugar.
///         Sweet = "sweet",
///         /// Like a lemon.
///         Sour = "sour",
///     }
/// }
/// assert_eq!(Taste::Sour.as_str(), "sour");
/// ```
#[macro_export]
macro_rules! labels {
    ($(#[$meta:meta])* pub enum $name:ident($label:literal) {
        $($(#[$variant_meta:meta])* $variant:ident = $value:literal),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_meta])* $variant),+ }

        impl $name {
            /// Every value.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The label value.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $value),+ }
            }
        }

        impl $crate::label::LabelSet for $name {
            const COUNT: usize = Self::ALL.len();
            fn names() -> Vec<&'static str> { vec![$label] }
            fn all() -> Vec<Self> { Self::ALL.to_vec() }
            fn index(self) -> usize { self as usize }
            fn values(self) -> Vec<&'static str> { vec![self.as_str()] }
        }
    };
}

pub use labels;
