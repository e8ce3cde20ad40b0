//! The members of a request body, refused as Clerk does.

use chrono::DateTime;
use serde_json::{Map, Value};

use super::refusal::Refusal;

/// A body that is a JSON object. A null member counts as absent.
#[derive(Debug)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a body that may have only these members.
    pub(crate) fn read(body: &[u8], known: &[&str]) -> Result<Self, Refusal> {
        let value = serde_json::from_slice(body)
            .map_err(|_not_json| Refusal::new(400, "request_body_invalid"))?;
        let Value::Object(members) = value else {
            // Such as the `null` that clerk-rs sends for a body that is `None`.
            return Err(Refusal::new(422, "form_param_format_invalid"));
        };
        match members.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(Refusal::new(422, "form_param_unknown").about(name)),
            None => Ok(Self(members)),
        }
    }

    /// A member, even if it is null.
    pub(crate) fn raw(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    fn get<'a, T>(
        &'a self,
        name: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| invalid(name)),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        self.get(name, Value::as_str)
    }

    /// A required text.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Refusal> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| Refusal::new(422, "form_param_missing").about(name))
    }

    pub(crate) fn object(&self, name: &str) -> Result<Option<&Map<String, Value>>, Refusal> {
        self.get(name, Value::as_object)
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        self.get(name, Value::as_bool)
    }

    /// A non-negative integer.
    pub(crate) fn count(&self, name: &str) -> Result<Option<u32>, Refusal> {
        self.get(name, |value| value.as_u64().and_then(|count| u32::try_from(count).ok()))
    }

    /// A time in RFC 3339, as milliseconds since 1970.
    pub(crate) fn moment(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match DateTime::parse_from_rfc3339(text) {
            Ok(moment) => Ok(Some(moment.timestamp_millis())),
            Err(_) => Err(Refusal::new(422, "form_param_format_invalid").about(name)),
        }
    }
}

/// A member, or a query parameter, has an invalid value.
pub(crate) fn invalid(name: &str) -> Refusal {
    Refusal::new(422, "form_param_value_invalid").about(name)
}
