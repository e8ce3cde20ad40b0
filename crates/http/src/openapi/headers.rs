//! Request headers, for the attributes of handlers.

use utoipa::{
    IntoParams,
    openapi::{
        Required,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
    },
};

macro_rules! header {
    ($(#[$docs:meta])* $kind:ident, $name:literal, $description:literal) => {
        $(#[$docs])*
        pub(crate) enum $kind {}

        impl IntoParams for $kind {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                let text = ObjectBuilder::new().schema_type(Type::String);
                let header = ParameterBuilder::new()
                    .name($name)
                    .parameter_in(ParameterIn::Header)
                    .required(Required::False)
                    .description(Some($description))
                    .schema(Some(text));
                vec![header.build()]
            }
        }
    };
}

header!(
    /// The organization that a request is about.
    OrganizationHeader,
    "X-Organization-Id",
    "The organization that the request is about: our id, or Clerk's (`org_…`). Optional for users with only one organization."
);
header!(
    /// The idempotency key of a creation.
    IdempotencyHeader,
    "Idempotency-Key",
    "1 to 64 visible characters that do not start with `won:`: a repeat with the same key and body creates nothing."
);
header!(
    /// The copy that a client has.
    IfNoneMatchHeader,
    "If-None-Match",
    "The `ETag` of a copy: 304 if it is still current."
);
header!(
    /// The copy that a change applies to.
    IfMatchHeader,
    "If-Match",
    "The `ETag` that the client has seen: 412 if the organization has changed since."
);
