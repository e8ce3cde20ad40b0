//! The errors of each route, collected from everything that can refuse a request: its extractors and its
//! errors.

use std::{
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
};

use serde_json::{Value, json};
use utoipa::{
    IntoResponses,
    openapi::{
        AllOfBuilder, ContentBuilder, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder,
        schema::{ObjectBuilder, Type},
    },
};
use winserve_domain::base::StoreError;

use crate::error::ErrorCode;

/// Anything that can refuse a request. Next to each `impl From<…> for ApiError` and each extractor is the
/// list of its codes; a test that receives another code fails.
pub(crate) trait Refuses {
    /// The codes that it refuses with.
    fn codes() -> Vec<ErrorCode>;
}

/// The error responses of a route: one per status, with its codes.
pub(crate) struct Errors<T>(PhantomData<T>);

macro_rules! any_of {
    ($($part:ident)+) => {
        impl<$($part: Refuses),+> Refuses for ($($part,)+) {
            fn codes() -> Vec<ErrorCode> {
                [$($part::codes()),+].concat()
            }
        }
    };
}
any_of!(A);
any_of!(A B);
any_of!(A B C);
any_of!(A B C D);
any_of!(A B C D E);
any_of!(A B C D E F);

/// Lists the codes of something that refuses, then what it passes on: `refuses!(LaunchCampaignError:
/// NoOrganization, InvalidRequest; StoreError)`.
macro_rules! refuses {
    ($by:ty: $($code:ident),* $(; $passed_on:ty)*) => {
        impl $crate::openapi::Refuses for $by {
            fn codes() -> Vec<$crate::error::ErrorCode> {
                let codes: &[$crate::error::ErrorCode] = &[$($crate::error::ErrorCode::$code),*];
                let passed_on: &[Vec<$crate::error::ErrorCode>] =
                    &[$(<$passed_on as $crate::openapi::Refuses>::codes()),*];
                [codes.to_vec(), passed_on.concat()].concat()
            }
        }
    };
}
pub(crate) use refuses;

/// A bug on our side.
pub(crate) enum Defect {}

refuses!(Defect: Internal);
refuses!(StoreError: Unavailable, DatabaseTimeout, DatabaseCancelled, Internal);

/// A write to the JSON of a campaign.
pub(crate) enum JsonWrite {}

refuses!(JsonWrite: TooMuchData; StoreError);

/// A list of campaigns with their JSON.
pub(crate) enum JsonList {}

refuses!(JsonList: TooMuchData; StoreError);

impl<T: Refuses> IntoResponses for Errors<T> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut statuses: BTreeMap<u16, BTreeSet<ErrorCode>> = BTreeMap::new();
        for code in T::codes() {
            statuses.entry(code.status().as_u16()).or_default().insert(code);
        }
        let response =
            |(status, codes): (u16, _)| (status.to_string(), response(status, &codes).into());
        statuses.into_iter().map(response).collect()
    }
}

/// The shape of errors, narrowed to a status and its codes.
fn response(status: u16, codes: &BTreeSet<ErrorCode>) -> Response {
    let texts: Vec<Value> = codes.iter().map(|code| json!(code)).collect();
    let named: Vec<_> =
        texts.iter().filter_map(Value::as_str).map(|code| format!("`{code}`")).collect();
    let of_type = |kind: Type| ObjectBuilder::new().schema_type(kind);
    let narrowed = of_type(Type::Object)
        .property("statusCode", of_type(Type::Integer).enum_values(Some([json!(status)])))
        .property("code", of_type(Type::String).enum_values(Some(texts)));
    let schema = AllOfBuilder::new().item(Ref::from_schema_name("Error")).item(narrowed);
    let response = ResponseBuilder::new()
        .description(format!("Refused: {}", named.join(", ")))
        .content("application/json", ContentBuilder::new().schema(Some(schema)).build());
    if !codes.iter().any(|code| code.passes_soon()) {
        return response.build();
    }
    let seconds = HeaderBuilder::new()
        .description(Some(
            "With `unavailable`, `database-timeout`, `database-cancelled`, `too-many-downloads`, `upstream-failed` \
             and `upstream-timeout`: seconds to wait before a retry",
        ))
        .schema(Some(of_type(Type::Integer)))
        .build();
    response.header("Retry-After", seconds).build()
}
