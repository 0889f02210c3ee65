//! How the form of a JSON body is declared.

use schemars::Schema;
use serde_json::Value;

/// A member that may be missing is no `null` where it is there.
pub(crate) fn never_null(schema: &mut Schema) {
    let members = schema.get_mut("properties").and_then(Value::as_object_mut);
    for member in members.into_iter().flat_map(serde_json::Map::values_mut) {
        if let Some(values) = member.get_mut("enum").and_then(Value::as_array_mut) {
            values.retain(|value| !value.is_null());
        }
        match member.get("type").and_then(Value::as_array).map(Vec::as_slice) {
            Some([one, null]) if null == "null" => member["type"] = one.clone(),
            _ => {}
        }
    }
}

/// Declares the form of a JSON body: how it is read, with every fault of every field, and how it is described.
///
/// ```ignore
/// json_body! {
///     /// A registration.
///     pub struct Registration {
///         /// Whom the user is.
///         pub email: Email = "email",
///     }
/// }
/// ```
macro_rules! json_body {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[doc = $about:literal])+ $field_vis:vis $field:ident: $type:ty = $key:literal),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields, transform = $crate::http::never_null)]
        $vis struct $name {
            $($(#[doc = $about])+ #[schemars(rename = $key)] $field_vis $field: $type),+
        }

        impl $name {
            /// Reads a body; `check` is shown which fields could be read, and says what else is wrong with which of them.
            fn from_json_and(
                body: &[u8],
                check: impl FnOnce($(Option<&$type>),+) -> Option<(&'static str, $crate::values::Fault)>,
            ) -> $crate::error::Result<Self> {
                let mut fields = $crate::values::Fields::read(body, &[$($key),+])?;
                $(let $field = <$type as $crate::values::Member>::read(&mut fields, $key);)+
                if let Some((name, fault)) = check($($field.as_ref()),+) {
                    fields.refuse(name, fault);
                }
                let all = (|| Some($name { $($field: $field?),+ }))();
                fields.finish(all)
            }
        }

        impl $crate::http::FromJson for $name {
            fn from_json(body: &[u8]) -> $crate::error::Result<Self> {
                Self::from_json_and(body, |$(_: Option<&$type>),+| None)
            }

            fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                generator.subschema_for::<$name>()
            }
        }
    };
}

pub(crate) use json_body;
