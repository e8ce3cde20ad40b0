//! Describes a body by the [shape](crate::validation) that checks it.

use utoipa::openapi::{
    RefOr, Schema,
    schema::{
        AdditionalProperties, AnyOfBuilder, ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat,
        SchemaType, Type,
    },
};
use winserve_domain::base::state;

use crate::validation::{Rule, Shape, Unknown};

/// Names the schema of a body type, and takes it from the shape of the route.
macro_rules! body_schema {
    ($body:ty, $name:literal, $shape:expr) => {
        impl utoipa::PartialSchema for $body {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::openapi::bodies::object(&$shape)
            }
        }

        impl utoipa::ToSchema for $body {
            fn name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed($name)
            }
        }
    };
}
pub(crate) use body_schema;

/// JavaScript's `Number(text)`, for texts that are numbers.
const NUMBER: &str = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$";
/// Ten digits with the usual punctuation, after an optional country code; or an empty text.
const MOBILE_PHONE: &str = r"^([ ()+.-]*(1[ ()+.-]*)?[2-9]([ ()+.-]*[0-9]){2}[ ()+.-]*[2-9]([ ()+.-]*[0-9]){6}[ ()+.-]*)?$";

/// An object with a shape.
pub(crate) fn object(shape: &Shape) -> RefOr<Schema> {
    let is_open = shape.unknown != Unknown::Refuse;
    let object = of_type(Type::Object)
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(is_open)));
    let object = shape
        .fields
        .iter()
        .fold(object, |object, (name, rule)| object.property(*name, value(*rule)));
    shape.required.iter().fold(object, |object, name| object.required(*name)).into()
}

/// A value that follows a rule; [`Rule`] explains each.
pub(crate) fn value(rule: Rule) -> RefOr<Schema> {
    let text = || of_type(Type::String);
    let some = Some::<usize>;
    match rule {
        Rule::Text => text(),
        Rule::TextBetween(least, usize::MAX) => text().min_length(some(least)),
        Rule::TextBetween(least, most) => text().min_length(some(least)).max_length(some(most)),
        Rule::TextBetweenOr(least, _, most, _) => {
            text().min_length(some(least)).max_length(some(most))
        }
        Rule::NotBlank(most) => text().max_length(some(most)).pattern(Some(r"\S")),
        Rule::Email(most) => {
            let format = SchemaFormat::KnownFormat(KnownFormat::Email);
            text().max_length(some(most)).format(Some(format))
        }
        Rule::MobilePhone => text().pattern(Some(MOBILE_PHONE)),
        Rule::State => text().pattern(Some(state_code())),
        Rule::ZipCode => text().pattern(Some("^([0-9]{5}(-[0-9]{4})?)?$")),
        Rule::Day => text().pattern(Some("^[0-9]{4}-[0-9]{2}-[0-9]{2}$")),
        Rule::Instant => text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))),
        Rule::UtcInstant => {
            let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
            text().format(Some(format)).pattern(Some("Z$"))
        }
        Rule::Url => text().format(Some(SchemaFormat::Custom("uri".to_owned()))),
        Rule::Boolean => of_type(Type::Boolean),
        Rule::Number => of_type(Type::Number),
        Rule::Literal(only) => text().enum_values(Some([only])),
        Rule::OneOf(options) => text().enum_values(Some(options.iter().copied())),
        Rule::Record => open_object(),
        Rule::Any => {
            // One of the types is a list, and generators need its item type.
            let anything = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
            let mut any = ArrayBuilder::new().items(anything).build();
            let kinds = [Type::String, Type::Number, Type::Boolean, Type::Array, Type::Object];
            any.schema_type = kinds.into_iter().collect();
            return Schema::Array(any).into();
        }
        Rule::TextOrRecord => {
            let either = AnyOfBuilder::new().item(text()).item(open_object());
            return either.into();
        }
        Rule::PositiveInteger => {
            let integer = of_type(Type::Integer).minimum(Some(1)).maximum(Some(i32::MAX));
            let either = AnyOfBuilder::new().item(integer).item(text().pattern(Some(NUMBER)));
            return either.into();
        }
        Rule::CoercedInteger => {
            let number = of_type(Type::Number).minimum(Some(i32::MIN)).maximum(Some(i32::MAX));
            let others = of_types(&[Type::Boolean, Type::Null]);
            let text = text().pattern(Some(format!(r"^\s*$|{NUMBER}")));
            return AnyOfBuilder::new().item(number).item(text).item(others).into();
        }
        Rule::List(item) => return ArrayBuilder::new().items(value(*item)).into(),
        Rule::ListUpTo(item, most) => {
            return ArrayBuilder::new().items(value(*item)).max_items(Some(most)).into();
        }
        Rule::Object(shape) => return object(shape),
        Rule::Nullable(inner) => {
            let null = of_type(Type::Null);
            return AnyOfBuilder::new().item(value(*inner)).item(null).into();
        }
    }
    .into()
}

fn of_type(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}

fn of_types(kinds: &[Type]) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kinds.iter().cloned().collect::<SchemaType>())
}

/// An object with any members.
pub(crate) fn open_object() -> ObjectBuilder {
    of_type(Type::Object)
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(true)))
}

/// A state's code in any case.
fn state_code() -> String {
    let either_case = |letter: char| format!("[{letter}{}]", letter.to_ascii_lowercase());
    let codes: Vec<String> =
        state::codes().map(|code| code.chars().map(either_case).collect()).collect();
    format!("^({})$", codes.join("|"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_shape_is_described_member_by_member() {
        const INNER: Shape = Shape {
            required: &["name"],
            fields: &[("name", Rule::NotBlank(9))],
            unknown: Unknown::Refuse,
        };
        const SHAPE: Shape = Shape {
            required: &[],
            fields: &[
                ("inner", Rule::Nullable(&Rule::Object(&INNER))),
                ("tags", Rule::List(&Rule::TextBetween(1, usize::MAX))),
                ("kind", Rule::OneOf(&["a", "b"])),
            ],
            unknown: Unknown::Strip,
        };
        assert_eq!(
            json!(object(&SHAPE)),
            json!({
                "type": "object",
                "additionalProperties": true,
                "properties": {
                    "inner": {"anyOf": [
                        {
                            "type": "object",
                            "additionalProperties": false,
                            "required": ["name"],
                            "properties": {"name": {"type": "string", "maxLength": 9, "pattern": r"\S"}}
                        },
                        {"type": "null"}
                    ]},
                    "tags": {"type": "array", "items": {"type": "string", "minLength": 1}},
                    "kind": {"type": "string", "enum": ["a", "b"]}
                }
            })
        );
    }
}
