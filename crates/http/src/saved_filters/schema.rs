//! Describes saved filters: those of a campaign, and those of an elected office, which have no member on
//! political party (design D8).

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Ref, RefOr, Schema,
        schema::{AnyOfBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, Type},
    },
};
use winserve_domain::saved_filters::Flag;

use super::{Body, FilterProblemAnswer, SavedFilterAnswer, post_copy};
use crate::openapi::bodies;

type Schemas = Vec<(String, RefOr<Schema>)>;

/// The owner of the filter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Campaign,
    ElectedOffice,
}

impl Of {
    /// The flags that such filters have.
    fn flags(self) -> impl Iterator<Item = Flag> {
        Flag::ALL.into_iter().filter(move |flag| self == Self::Campaign || !flag.is_party())
    }

    /// The answer for such a filter.
    fn answer(self) -> ObjectBuilder {
        let campaign = match self {
            Self::Campaign => i32::schema(),
            // Always null; but openapi-fetch, a widely used client, drops a member that can only be null.
            Self::ElectedOffice => Option::<i32>::schema(),
        };
        let filter = ObjectBuilder::new()
            .property("id", i32::schema())
            .property("createdAt", moment())
            .property("updatedAt", moment())
            .property("name", Option::<String>::schema())
            .property("campaignId", campaign)
            .property("voterCount", Option::<i32>::schema())
            .property("languageCodes", Option::<Vec<String>>::schema())
            .property("voterStatus", Option::<Vec<String>>::schema())
            .property("incomeRanges", Option::<Vec<String>>::schema())
            .property("problem", reference("FilterProblem"));
        let filter = ["id", "createdAt", "updatedAt", "campaignId"]
            .into_iter()
            .fold(filter, ObjectBuilder::required);
        self.flags()
            .fold(filter, |filter, flag| filter.property(flag.key(), Option::<bool>::schema()))
    }

    /// The body for such a filter; other members are ignored.
    fn content(self) -> ObjectBuilder {
        let settable = super::FIELDS.iter().filter(|(key, _)| match Flag::parse(key) {
            Some(flag) => self == Self::Campaign || !flag.is_party(),
            None => true,
        });
        settable.fold(bodies::open_object(), |body, (key, rule)| {
            body.property(*key, bodies::value(*rule))
        })
    }
}

fn moment() -> ObjectBuilder {
    let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
    ObjectBuilder::new().schema_type(Type::String).format(Some(format))
}

fn reference(name: &str) -> Ref {
    Ref::from_schema_name(name)
}

impl PartialSchema for SavedFilterAnswer {
    fn schema() -> RefOr<Schema> {
        let either = OneOfBuilder::new()
            .item(reference("CampaignFilter"))
            .item(reference("ElectedOfficeFilter"));
        either.into()
    }
}

impl ToSchema for SavedFilterAnswer {
    fn name() -> Cow<'static, str> {
        "SavedFilter".into()
    }

    fn schemas(schemas: &mut Schemas) {
        schemas.push(("FilterProblem".to_owned(), FilterProblemAnswer::schema()));
        FilterProblemAnswer::schemas(schemas);
        schemas.push(("CampaignFilter".to_owned(), Of::Campaign.answer().into()));
        schemas.push(("ElectedOfficeFilter".to_owned(), Of::ElectedOffice.answer().into()));
    }
}

impl PartialSchema for post_copy::Answer {
    fn schema() -> RefOr<Schema> {
        let with_left_out = |filter: ObjectBuilder| {
            filter.property("leftOut", Vec::<String>::schema()).required("leftOut")
        };
        let either = OneOfBuilder::new()
            .item(with_left_out(Of::Campaign.answer()))
            .item(with_left_out(Of::ElectedOffice.answer()));
        either.into()
    }
}

impl ToSchema for post_copy::Answer {
    fn name() -> Cow<'static, str> {
        "CopiedFilter".into()
    }
}

impl PartialSchema for Body {
    fn schema() -> RefOr<Schema> {
        let either = AnyOfBuilder::new()
            .item(reference("CampaignFilterContent"))
            .item(reference("ElectedOfficeFilterContent"));
        either.into()
    }
}

impl ToSchema for Body {
    fn name() -> Cow<'static, str> {
        "SavedFilterContent".into()
    }

    fn schemas(schemas: &mut Schemas) {
        schemas.push(("CampaignFilterContent".to_owned(), Of::Campaign.content().into()));
        schemas.push(("ElectedOfficeFilterContent".to_owned(), Of::ElectedOffice.content().into()));
    }
}
