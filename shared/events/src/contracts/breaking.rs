//! Contracts only grow: a consumer of the last release must be able to read what this one publishes.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// What in `new` a reader of `old` would stumble over, one sentence each; empty when `new` only adds. Both are encoded
/// `FileDescriptorSet`s. Removed messages, enums, fields and values, and fields whose number, type, label or name
/// changed, are breaks; what does not decode is reported as one, so that a damaged file never passes for a good one.
#[must_use]
pub fn breaking_changes(old: &[u8], new: &[u8]) -> Vec<String> {
    match (FileDescriptorSet::decode(old), FileDescriptorSet::decode(new)) {
        (Ok(old), Ok(new)) => compare(&Types::of(&old), &Types::of(&new)),
        (Err(error), _) => vec![format!("the old descriptor set does not decode: {error}")],
        (_, Err(error)) => vec![format!("the new descriptor set does not decode: {error}")],
    }
}

fn compare(old: &Types<'_>, new: &Types<'_>) -> Vec<String> {
    let mut breaks = Vec::new();
    for (name, before) in &old.messages {
        match new.messages.get(name) {
            None => breaks.push(format!("message {name} was removed")),
            Some(after) => compare_fields(name, before, after, &mut breaks),
        }
    }
    for (name, before) in &old.enums {
        match new.enums.get(name) {
            None => breaks.push(format!("enum {name} was removed")),
            Some(after) => compare_values(name, before, after, &mut breaks),
        }
    }
    breaks
}

/// All messages and enums of a descriptor set by full name, nested ones included.
#[derive(Default)]
struct Types<'a> {
    messages: BTreeMap<String, &'a DescriptorProto>,
    enums: BTreeMap<String, &'a EnumDescriptorProto>,
}

impl<'a> Types<'a> {
    fn of(set: &'a FileDescriptorSet) -> Self {
        let mut types = Types::default();
        for file in &set.file {
            for message in &file.message_type {
                types.add_message(file.package(), message);
            }
            for enumeration in &file.enum_type {
                types.add_enum(file.package(), enumeration);
            }
        }
        types
    }

    fn add_message(&mut self, scope: &str, message: &'a DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        for nested in &message.nested_type {
            self.add_message(&name, nested);
        }
        for enumeration in &message.enum_type {
            self.add_enum(&name, enumeration);
        }
        self.messages.insert(name, message);
    }

    fn add_enum(&mut self, scope: &str, enumeration: &'a EnumDescriptorProto) {
        self.enums.insert(format!("{scope}.{}", enumeration.name()), enumeration);
    }
}

fn compare_fields(message: &str, before: &DescriptorProto, after: &DescriptorProto, breaks: &mut Vec<String>) {
    for old in &before.field {
        let same_name = after.field.iter().find(|f| f.name() == old.name());
        let same_number = after.field.iter().find(|f| f.number() == old.number());
        let field = format!("{message}.{}", old.name());
        match (same_name, same_number) {
            (None, None) => breaks.push(format!("field {field} was removed")),
            (None, Some(new)) => breaks.push(format!("field {field} ({}) is now called {}", old.number(), new.name())),
            (Some(new), _) if new.number() != old.number() => {
                breaks.push(format!("field {field} changed its number from {} to {}", old.number(), new.number()));
            }
            (Some(new), _) => compare_shape(&field, old, new, breaks),
        }
    }
}

fn compare_shape(field: &str, old: &FieldDescriptorProto, new: &FieldDescriptorProto, breaks: &mut Vec<String>) {
    if (old.r#type(), old.type_name()) != (new.r#type(), new.type_name()) {
        breaks.push(format!("field {field} changed its type from {} to {}", type_of(old), type_of(new)));
    }
    if label_of(old) != label_of(new) {
        breaks.push(format!("field {field} changed its label from {} to {}", label_of(old), label_of(new)));
    }
}

fn type_of(field: &FieldDescriptorProto) -> String {
    let kind = field.r#type().as_str_name();
    if field.type_name().is_empty() { kind.to_owned() } else { format!("{kind} {}", field.type_name()) }
}

fn label_of(field: &FieldDescriptorProto) -> &'static str {
    match (field.label(), field.proto3_optional()) {
        (prost_types::field_descriptor_proto::Label::Repeated, _) => "repeated",
        (prost_types::field_descriptor_proto::Label::Required, _) => "required",
        (_, true) => "optional",
        (_, false) => "singular",
    }
}

fn compare_values(name: &str, before: &EnumDescriptorProto, after: &EnumDescriptorProto, breaks: &mut Vec<String>) {
    for old in &before.value {
        match after.value.iter().find(|v| v.name() == old.name()) {
            None => breaks.push(format!("value {name}.{} was removed", old.name())),
            Some(new) if new.number() != old.number() => {
                breaks.push(format!("value {name}.{} changed its number from {} to {}", old.name(), old.number(), new.number()));
            }
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use prost_types::field_descriptor_proto::{Label, Type};

    use super::*;
    use crate::contracts::descriptor_set;

    /// The contracts as they are, changed by `change` in the message Unit.
    fn changed(change: impl FnOnce(&mut DescriptorProto)) -> Vec<u8> {
        let mut set = FileDescriptorSet::decode(descriptor_set().as_slice()).unwrap();
        let unit = set.file.iter_mut().flat_map(|f| &mut f.message_type).find(|m| m.name() == "Unit").unwrap();
        change(unit);
        set.encode_to_vec()
    }

    fn breaks(change: impl FnOnce(&mut DescriptorProto)) -> Vec<String> {
        breaking_changes(&descriptor_set(), &changed(change))
    }

    #[test]
    fn growth_is_no_break() {
        assert_eq!(breaks(|_| {}), Vec::<String>::new());
        let added = FieldDescriptorProto { name: Some("motto".into()), number: Some(40), r#type: Some(Type::String.into()), ..Default::default() };
        assert_eq!(breaks(|unit| unit.field.push(added)), Vec::<String>::new());
        assert_eq!(breaks(|unit| unit.field.reverse()), Vec::<String>::new());
    }

    #[test]
    fn each_break_is_named() {
        let unit = "registrar.identity.v1.Unit";
        assert_eq!(breaks(|m| m.name = Some("Place".into())), [format!("message {unit} was removed")]);
        assert_eq!(breaks(|m| drop(m.field.remove(0))), [format!("field {unit}.code was removed")]);
        assert_eq!(breaks(|m| m.field[0].number = Some(99)), [format!("field {unit}.code changed its number from 1 to 99")]);
        assert_eq!(breaks(|m| m.field[0].name = Some("kode".into())), [format!("field {unit}.code (1) is now called kode")]);
        assert_eq!(breaks(|m| m.field[0].set_type(Type::Int64)), [format!("field {unit}.code changed its type from TYPE_STRING to TYPE_INT64")]);
        assert_eq!(breaks(|m| m.field[0].set_label(Label::Repeated)), [format!("field {unit}.code changed its label from singular to repeated")]);
        assert_eq!(breaks(|m| m.field[0].proto3_optional = Some(true)), [format!("field {unit}.code changed its label from singular to optional")]);
        assert_eq!(breaking_changes(b"\xff", &descriptor_set()).len(), 1);
        assert_eq!(breaking_changes(&descriptor_set(), b"\xff").len(), 1);
    }

    #[test]
    fn every_field_says_what_it_is() {
        let set = FileDescriptorSet::decode(descriptor_set().as_slice()).unwrap();
        for file in &set.file {
            let documented: Vec<&[i32]> = file.source_code_info.iter().flat_map(|i| &i.location).filter(|l| l.leading_comments.is_some()).map(|l| l.path.as_slice()).collect();
            for (m, message) in file.message_type.iter().enumerate() {
                for f in 0..message.field.len() {
                    let path = [4, i32::try_from(m).unwrap(), 2, i32::try_from(f).unwrap()];
                    assert!(documented.contains(&path.as_slice()), "{}.{}", message.name(), message.field[f].name());
                }
            }
        }
    }
}
