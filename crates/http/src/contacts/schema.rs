//! Describes the answers for both kinds of organizations: an elected office has its own schemas, without
//! political party (design D8).

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Ref, RefOr, Schema, schema::AnyOfBuilder},
};

use super::answers::{CampaignContact, ElectedOfficeContact, PageAnswer};

type Schemas = Vec<(String, RefOr<Schema>)>;

macro_rules! either {
    ($(#[$docs:meta])* $name:ident: $($part:literal of $of:ty),+) => {
        $(#[$docs])*
        pub(crate) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                AnyOfBuilder::new()$(.item(Ref::from_schema_name($part)))+.into()
            }
        }

        impl ToSchema for $name {
            fn schemas(schemas: &mut Schemas) {
                $(
                    schemas.push(($part.to_owned(), <$of>::schema()));
                    <$of as ToSchema>::schemas(schemas);
                )+
            }
        }
    };
}

either!(
    /// A contact of a campaign, or of an elected office.
    AnyContact: "CampaignContact" of CampaignContact, "ElectedOfficeContact" of ElectedOfficeContact
);
either!(
    /// A page of a campaign's contacts, or of an elected office's.
    AnyPage:
        "CampaignContactPage" of PageAnswer<CampaignContact>,
        "ElectedOfficeContactPage" of PageAnswer<ElectedOfficeContact>
);
