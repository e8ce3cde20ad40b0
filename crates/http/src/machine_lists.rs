//! Lists for machines: pages by offset (legacy contract §5.0).

use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::{
        Required,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
    },
};
use winserve_domain::base::Page;

use crate::parameters::Reader;

/// A page with its position in the list.
#[derive(Serialize, ToSchema)]
#[schema(as = Page)]
pub(crate) struct PageAnswer<T> {
    data: Vec<T>,
    meta: Meta,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PageMeta)]
struct Meta {
    total: i64,
    offset: i64,
    limit: i64,
}

impl<T> PageAnswer<T> {
    pub(crate) fn new(data: Vec<T>, total: i64, page: Page) -> Self {
        Self { data, meta: Meta { total, offset: page.offset, limit: page.limit } }
    }
}

/// Columns by which a list can be ordered: the name in answers, and in the table.
pub(crate) type Columns = [(&'static str, &'static str)];

/// Maximum number of items per page: all of them are in memory at once.
const LONGEST_PAGE: u32 = 10_000;

/// Reads `offset`, `limit`, `sortBy` and `sortOrder`; the newest first by default.
pub(crate) fn read_page(query: &mut Reader, columns: &'static Columns) -> Page {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let sort_by = query.option("sortBy", &names);
    let is_wanted = |name: &str| sort_by.as_deref().unwrap_or("createdAt") == name;
    let column = columns.iter().find(|(name, _)| is_wanted(name)).map(|(_, column)| *column);
    let descending = query.option("sortOrder", &["asc", "desc"]).as_deref() != Some("asc");
    Page {
        offset: query.count("offset").unwrap_or(0),
        limit: query.within("limit", 0, LONGEST_PAGE).map_or(100, i64::from),
        column: column.unwrap_or("created_at"),
        descending,
    }
}

/// Names the parameters that [`read_page`] reads, for a handler's attribute.
macro_rules! page_parameters {
    ($name:ident, $columns:expr) => {
        pub(crate) enum $name {}

        impl utoipa::IntoParams for $name {
            fn into_params(
                _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
            ) -> Vec<utoipa::openapi::path::Parameter> {
                $crate::machine_lists::parameters($columns)
            }
        }
    };
}
pub(crate) use page_parameters;

/// The parameters that [`read_page`] reads.
pub(crate) fn parameters(columns: &'static Columns) -> Vec<Parameter> {
    let count = |most: u32| {
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(most))
    };
    let option = || ObjectBuilder::new().schema_type(Type::String);
    let names = columns.iter().map(|(name, _)| *name);
    [
        ("offset", count(i32::MAX.unsigned_abs()), "Number of items to skip"),
        ("limit", count(LONGEST_PAGE), "Maximum number of items; default 100"),
        ("sortBy", option().enum_values(Some(names)), "Default `createdAt`"),
        ("sortOrder", option().enum_values(Some(["asc", "desc"])), "Default `desc`"),
    ]
    .into_iter()
    .map(|(name, schema, description)| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Query)
            .required(Required::False)
            .description(Some(description))
            .schema(Some(schema))
            .build()
    })
    .collect()
}
