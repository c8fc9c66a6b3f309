//! The parameters of a request, taken one by one by name. They come from a JSON body, from the query string, or from
//! both; the body wins. What is wrong is told in a sentence that names the key and never repeats the value, because the
//! value may be a password.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::problem::Problem;

/// What was sent, less what was taken. `null` counts as not sent.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    body: Map<String, Value>,
    query: BTreeMap<String, Vec<String>>,
    known: Vec<&'static str>,
}

/// A parameter as it was sent.
enum Sent {
    Json(Value),
    Query(Vec<String>),
}

impl Fields {
    /// From the query string and the body. An empty body is one without keys.
    ///
    /// # Errors
    /// 400 when the body is not a JSON object; the sentence has the line and the column.
    pub(crate) fn read(query: Option<&str>, body: &[u8]) -> Result<Self, Problem> {
        let mut fields = Self::default();
        for (key, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            fields.query.entry(key.into_owned()).or_default().push(value.into_owned());
        }
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(fields);
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(body)) => fields.body = body,
            Ok(_) => return Err(Problem::bad("the body must be a JSON object, such as {\"priority\": 0}")),
            // Its own words never quote the text: they say what was expected, and where.
            Err(error) => return Err(Problem::bad(format!("the body is not valid JSON: {error}"))),
        }
        Ok(fields)
    }

    fn take(&mut self, name: &'static str) -> Option<Sent> {
        self.known.push(name);
        let query = self.query.remove(name);
        match self.body.remove(name) {
            Some(Value::Null) => None,
            Some(value) => Some(Sent::Json(value)),
            None => query.map(Sent::Query),
        }
    }

    /// Text of at most so many characters, none of them a control character, without the space around it.
    pub(crate) fn text(&mut self, name: &'static str, longest: usize) -> Result<Option<String>, Problem> {
        let text = match self.take(name) {
            None => return Ok(None),
            Some(Sent::Json(Value::String(text))) => text,
            Some(Sent::Json(_)) => return Err(must(name, "be text")),
            Some(Sent::Query(values)) => single(name, values)?,
        };
        let text = text.trim();
        if text.chars().count() > longest {
            return Err(must(name, &format!("have at most {longest} characters")));
        }
        if text.chars().any(char::is_control) {
            return Err(must(name, "not have control characters, such as a line break"));
        }
        Ok(Some(text.to_owned()))
    }

    /// Text that may be taken away: `null` and the empty text are `Some(None)`.
    pub(crate) fn optional_text(
        &mut self,
        name: &'static str,
        longest: usize,
    ) -> Result<Option<Option<String>>, Problem> {
        let gone = matches!(self.body.get(name), Some(Value::Null));
        let text = self.text(name, longest)?;
        Ok(if gone { Some(None) } else { text.map(|text| Some(text).filter(|text| !text.is_empty())) })
    }

    /// A whole number.
    pub(crate) fn number(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u32>,
    ) -> Result<Option<u32>, Problem> {
        let number = match self.take(name) {
            None => return Ok(None),
            Some(Sent::Json(value)) => whole(&value),
            Some(Sent::Query(values)) => single(name, values)?.parse().ok(),
        };
        let number = number.and_then(|n: i64| u32::try_from(n).ok()).filter(|n| range.contains(n));
        let (from, to) = range.into_inner();
        number.map(Some).ok_or_else(|| must(name, &format!("be a whole number from {from} to {to}")))
    }

    /// A whole number that may be taken away: `null` is `Some(None)`.
    pub(crate) fn optional_number(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u32>,
    ) -> Result<Option<Option<u32>>, Problem> {
        let gone = matches!(self.body.get(name), Some(Value::Null));
        let number = self.number(name, range)?;
        Ok(if gone { Some(None) } else { number.map(Some) })
    }

    /// A number of bytes.
    pub(crate) fn bytes(&mut self, name: &'static str) -> Result<Option<u64>, Problem> {
        let bytes = self.integer(name)?.map(u64::try_from).transpose();
        let bytes = bytes.ok().filter(|bytes| *bytes != Some(0));
        bytes.ok_or_else(|| must(name, "be a whole number of bytes, 1 or more"))
    }

    /// A number of bytes that may be taken away: `null` is `Some(None)`.
    pub(crate) fn optional_bytes(&mut self, name: &'static str) -> Result<Option<Option<u64>>, Problem> {
        let gone = matches!(self.body.get(name), Some(Value::Null));
        let bytes = self.bytes(name)?;
        Ok(if gone { Some(None) } else { bytes.map(Some) })
    }

    /// A whole number of any size, such as an id.
    pub(crate) fn integer(&mut self, name: &'static str) -> Result<Option<i64>, Problem> {
        let number = match self.take(name) {
            None => return Ok(None),
            Some(Sent::Json(value)) => whole(&value),
            Some(Sent::Query(values)) => single(name, values)?.parse().ok(),
        };
        number.map(Some).ok_or_else(|| must(name, "be a whole number"))
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, name: &'static str) -> Result<Option<bool>, Problem> {
        let flag = match self.take(name) {
            None => return Ok(None),
            Some(Sent::Json(value)) => value.as_bool(),
            Some(Sent::Query(values)) => single(name, values)?.parse().ok(),
        };
        flag.map(Some).ok_or_else(|| must(name, "be true or false"))
    }

    /// Several words; in the query string repeated or with commas between.
    pub(crate) fn words(&mut self, name: &'static str) -> Result<Option<Vec<String>>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Sent::Json(Value::Array(items))) => {
                let words = items.into_iter().map(|item| match item {
                    Value::String(word) => Some(word),
                    _ => None,
                });
                words.collect::<Option<_>>().map(Some).ok_or_else(|| must(name, "be a list of texts"))
            }
            Some(Sent::Json(_)) => Err(must(name, "be a list of texts")),
            Some(Sent::Query(values)) => {
                let words = values.iter().flat_map(|value| value.split(','));
                Ok(Some(words.map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()))
            }
        }
    }

    /// Several whole numbers, from the body only.
    pub(crate) fn integers(&mut self, name: &'static str) -> Result<Option<Vec<i64>>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Sent::Json(Value::Array(items))) => {
                let numbers = items.iter().map(whole).collect::<Option<_>>();
                numbers.map(Some).ok_or_else(|| must(name, "be a list of whole numbers"))
            }
            Some(_) => Err(must(name, "be a list of whole numbers in the body")),
        }
    }

    /// Refuses what nobody took: a mistyped key would otherwise do nothing, silently.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        let Some(key) = self.body.keys().chain(self.query.keys()).next() else { return Ok(()) };
        let key: String = key.chars().filter(|c| !c.is_control()).take(64).collect();
        let known = match self.known.as_slice() {
            [] => "none".to_owned(),
            known => known.join(", "),
        };
        Err(Problem::bad(format!("'{key}' is not a parameter of this request; it has: {known}")))
    }
}

/// A whole number, however JSON writes it (`1.0` is one).
fn whole(value: &Value) -> Option<i64> {
    let exact = |n: &f64| n.fract() == 0.0 && n.abs() < 9e15;
    // Whole and small enough to be exact, so the cast keeps the value.
    value.as_i64().or_else(|| value.as_f64().filter(exact).map(|n| n as i64))
}

fn single(name: &'static str, mut values: Vec<String>) -> Result<String, Problem> {
    match (values.pop(), values.pop()) {
        (Some(value), None) => Ok(value),
        _ => Err(must(name, "be given once")),
    }
}

fn must(name: &str, what: &str) -> Problem {
    Problem::bad(format!("{name} must {what}"))
}

/// A parameter that has to be there.
pub(crate) fn required<T>(name: &str, value: Option<T>) -> Result<T, Problem> {
    value.ok_or_else(|| Problem::bad(format!("{name} is missing: give it in the JSON body")))
}
