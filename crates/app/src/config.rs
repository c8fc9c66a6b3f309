//! Settings: flag beats environment beats file beats default. clap reads the first two (see `cli`), this file
//! lays them over the TOML file and the defaults, and turns texts into the types the rest works with.
//!
//! In the file every flag is a key (`check-interval` is `check_interval`), at the top for every command or in a
//! table `[record]`, `[gateway]`, `[check]` for one. The proxies are one setting with two sources (`proxies` and
//! `proxy_file`): the strongest place that names either replaces both of the others.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Value};
use holdfast_gateway::probe::{CheckTarget, DEFAULT_CHECK_URL};
use holdfast_model::{ListEntry, ProxyUrl, RejectedLine, parse_list, parse_list_line};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::cli::check::Format as CheckFormat;
use crate::log::{LogFormat, LogLevel};

/// Every key there is, over all commands. `None` and empty: nobody said anything, the default holds.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    pub(crate) log_format: LogFormat,
    pub(crate) log_level: LogLevel,
    #[serde(deserialize_with = "words_or_list")]
    proxies: Vec<String>,
    proxy_file: Option<PathBuf>,
    pub(crate) no_direct: bool,
    #[serde(deserialize_with = "one_or_list")]
    check_url: Vec<String>,
    pub(crate) check_interval: Option<Span>,
    pub(crate) quality: Option<String>,
    pub(crate) output: Option<PathBuf>,
    pub(crate) duration: Option<Span>,
    pub(crate) force: bool,
    pub(crate) json: bool,
    pub(crate) give_up_after: Option<Span>,
    #[serde(deserialize_with = "one_or_list")]
    pub(crate) tag: Vec<String>,
    pub(crate) streamlink: Option<PathBuf>,
    pub(crate) ffmpeg: Option<PathBuf>,
    pub(crate) listen: Option<String>,
    pub(crate) auth: Option<String>,
    pub(crate) format: Option<CheckFormat>,
    pub(crate) concurrency: Option<usize>,
    pub(crate) timeout: Option<Span>,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) database_url: Option<String>,
    pub(crate) recordings_dir: Option<PathBuf>,
    pub(crate) gateway_listen: Option<String>,
    #[serde(deserialize_with = "words_or_list")]
    pub(crate) allowed_host: Vec<String>,
    pub(crate) keep_checks: Option<Span>,
    pub(crate) keep_events: Option<Span>,
    pub(crate) server: Option<String>,
}

/// The tables of the file that speak to one command only.
const COMMANDS: [&str; 6] = ["record", "gateway", "check", "serve", "proxy", "import"];

impl Settings {
    /// Lays the flags and variables of `command` over the file.
    pub(crate) fn load(command: &str, file: Option<&Path>, flags: &impl Serialize) -> Result<Self> {
        let flags = Figment::from(Serialized::defaults(flags));
        let mut merged = Figment::new();
        if let Some(file) = file {
            let (common, own) = read_file(file, command)?;
            merged = merged
                .merge(Serialized::defaults(strip_proxies(common, &own)))
                .merge(Serialized::defaults(own));
        }
        let says_proxies = flags.contains("proxies") || flags.contains("proxy_file");
        if says_proxies {
            let mut below: Dict = merged.extract().map_err(|e| plain(&e))?;
            PROXY_KEYS.iter().for_each(|key| drop(below.remove(*key)));
            merged = Figment::from(Serialized::defaults(below));
        }
        merged.merge(flags).extract().map_err(|e| plain(&e))
    }

    /// The targets of health checks: `URL`, or `URL STATUS` where another status than 2xx is the good one.
    pub(crate) fn check_targets(&self) -> Result<Vec<CheckTarget>> {
        let mut targets: Vec<CheckTarget> = Vec::new();
        for word in self.check_url.iter().flat_map(|text| text.split_whitespace()) {
            let target = match (word.parse::<u16>(), targets.pop()) {
                (Ok(status), Some(target)) => target.expecting(status),
                (Ok(_), None) => bail!("--check-url: the status stands after its URL"),
                (Err(_), before) => {
                    targets.extend(before);
                    CheckTarget::parse(word)
                }
            };
            targets.push(target.context("--check-url")?);
        }
        if targets.is_empty() {
            targets.push(CheckTarget::parse(DEFAULT_CHECK_URL)?);
        }
        Ok(targets)
    }

    /// Whether a person named them.
    pub(crate) fn names_check_targets(&self) -> bool {
        self.check_url.iter().any(|text| !text.trim().is_empty())
    }

    /// The same as they were written, or the default.
    pub(crate) fn check_urls(&self) -> Vec<String> {
        if self.check_url.is_empty() { vec![DEFAULT_CHECK_URL.to_owned()] } else { self.check_url.clone() }
    }

    /// Whether proxies were named at all.
    pub(crate) fn names_proxies(&self) -> bool {
        !self.proxies.is_empty() || self.proxy_file.is_some()
    }

    /// The proxies, from wherever they were named, duplicates left out. Lines that cannot be used are told apart.
    pub(crate) fn proxies(&self) -> Result<Proxies> {
        let mut proxies = Proxies::default();
        for (index, text) in self.proxies.iter().enumerate() {
            let priority = u32::try_from(index).unwrap_or(u32::MAX);
            match parse_list_line(index + 1, text) {
                Ok(Some(entry)) => proxies.add(entry, priority),
                // An empty one is most often a variable that was not set; going direct instead would be a surprise.
                Ok(None) => bail!("proxy {} is empty", index + 1),
                Err(detail) => bail!("proxy {}: {detail}", index + 1),
            }
        }
        if let Some(path) = &self.proxy_file {
            let text = read_list(path)?;
            proxies.add_list(&text, &path.display().to_string());
        }
        Ok(proxies)
    }
}

/// Proxies by priority, and the lines that are none.
#[derive(Default)]
pub(crate) struct Proxies {
    /// In the order they were named.
    pub(crate) entries: Vec<Upstream>,
    /// Where from, and what to change.
    pub(crate) rejected: Vec<(String, RejectedLine)>,
    /// How many were named twice.
    pub(crate) duplicates: usize,
    known: HashSet<ProxyUrl>,
}

/// One proxy to use.
pub(crate) struct Upstream {
    /// Its place in its list, from 1.
    pub(crate) line: usize,
    /// Its address.
    pub(crate) url: ProxyUrl,
    /// 0 is tried first; among equals the fastest.
    pub(crate) priority: u32,
    /// For `--tag`.
    pub(crate) tags: Vec<String>,
}

impl Proxies {
    /// Adds a whole list; `source` names it when lines are refused.
    pub(crate) fn add_list(&mut self, text: &str, source: &str) {
        let (entries, rejected) = parse_list(text);
        entries.into_iter().for_each(|entry| self.add(entry, 0));
        self.rejected.extend(rejected.into_iter().map(|line| (source.to_owned(), line)));
    }

    fn add(&mut self, entry: ListEntry, priority: u32) {
        if !self.known.insert(entry.url.clone()) {
            self.duplicates += 1;
            return;
        }
        let ListEntry { line, url, priority: own, tags } = entry;
        self.entries.push(Upstream { line, url, priority: own.unwrap_or(priority), tags });
    }
}

/// Reads a list of proxies; `-` is standard input.
pub(crate) fn read_list(path: &Path) -> Result<String> {
    let name = path.to_string_lossy();
    if name == "-" {
        return std::io::read_to_string(std::io::stdin()).context("cannot read the list from standard input");
    }
    if name.contains("://") || name.matches(':').count() > 1 {
        bail!("a file with one proxy a line is wanted here; name a single proxy with --proxy URL");
    }
    let bytes = std::fs::read(path).with_context(|| format!("cannot read the proxy file {name}"))?;
    String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("the proxy file {name} is not UTF-8 text"))
}

const PROXY_KEYS: [&str; 2] = ["proxies", "proxy_file"];

/// Without the proxies of the common part where the command's own part names any.
fn strip_proxies(mut common: Dict, own: &Dict) -> Dict {
    if PROXY_KEYS.iter().any(|key| own.contains_key(*key)) {
        PROXY_KEYS.iter().for_each(|key| drop(common.remove(*key)));
    }
    common
}

/// The common part of the file and the table of this command. Every table is looked at, so that a mistake is
/// found by whichever command runs first.
fn read_file(file: &Path, command: &str) -> Result<(Dict, Dict)> {
    let name = file.display();
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read the configuration {name}"))?;
    let mut common: Dict = Figment::from(Toml::string(&text))
        .extract()
        .map_err(|e| plain(&e))
        .with_context(|| name.to_string())?;
    let mut own = Dict::new();
    for table in COMMANDS {
        match common.remove(table) {
            None => {}
            Some(Value::Dict(_, dict)) => {
                understood(&dict).with_context(|| format!("{name}, table [{table}]"))?;
                if table == command {
                    own = dict;
                }
            }
            Some(_) => bail!("{name}: [{table}] has to be a table"),
        }
    }
    understood(&common).with_context(|| name.to_string())?;
    // Relative paths in a file are relative to the file.
    for dict in [&mut common, &mut own] {
        for key in ["proxy_file", "data_dir", "recordings_dir", "streamlink", "ffmpeg"] {
            if let Some(Value::String(_, path)) = dict.get_mut(key) {
                let bare_program = ["streamlink", "ffmpeg"].contains(&key) && !path.contains('/');
                if !bare_program && let Some(dir) = file.parent() {
                    *path = dir.join(&*path).to_string_lossy().into_owned();
                }
            }
        }
    }
    Ok((common, own))
}

fn understood(dict: &Dict) -> Result<()> {
    let read: Result<Settings, _> = Figment::from(Serialized::defaults(dict)).extract();
    read.map(drop).map_err(|e| plain(&e))
}

/// figment's error in one sentence, without the values: one of them may be a password.
fn plain(error: &figment::Error) -> anyhow::Error {
    use figment::error::Kind;
    let key = error.path.join(".");
    match &error.kind {
        Kind::UnknownField(field, known) => {
            anyhow::anyhow!("there is no setting '{field}'; the settings are: {}", known.join(", "))
        }
        Kind::InvalidType(_, wanted) => anyhow::anyhow!("{key}: {wanted} is wanted"),
        Kind::InvalidValue(_, wanted) => anyhow::anyhow!("{key}: {wanted} is wanted"),
        Kind::UnknownVariant(_, known) => anyhow::anyhow!("{key}: one of {} is wanted", known.join(", ")),
        // A syntax error; the lines with a bar show the text at fault.
        Kind::Message(message) if key.is_empty() => {
            let told: Vec<_> = message.lines().filter(|line| !line.contains('|')).collect();
            anyhow::anyhow!("{}", told.join(": "))
        }
        Kind::Message(message) => anyhow::anyhow!("{key}: {message}"),
        other => anyhow::anyhow!("{key}: {other}"),
    }
}

/// A list, or one text with white space or commas between the words.
fn words_or_list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(match OneOrMany::deserialize(from)? {
        OneOrMany::One(text) => split_words(&text),
        OneOrMany::Many(list) => list,
    })
}

fn one_or_list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(match OneOrMany::deserialize(from)? {
        OneOrMany::One(text) => vec![text],
        OneOrMany::Many(list) => list,
    })
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a text or a list of texts")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// The words of `HOLDFAST_PROXIES`.
pub(crate) fn split_words(text: &str) -> Vec<String> {
    text.split(|c: char| c.is_whitespace() || c == ',').filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

/// A length of time as people write it: `30s`, `10m`, `1h30m`, `500ms`; a bare number is seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// Not a length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadSpan;

impl fmt::Display for BadSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a length of time above zero is wanted, such as 30s, 10m, 1h30m or 500ms")
    }
}

impl std::error::Error for BadSpan {}

impl FromStr for Span {
    type Err = BadSpan;

    fn from_str(text: &str) -> Result<Self, BadSpan> {
        const LONGEST: f64 = 366.0 * 86_400.0;
        let (mut rest, mut seconds) = (text.trim(), 0.0);
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let (number, tail) = rest.split_at(end);
            let unit_end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(unit_end);
            let factor = match unit {
                "ms" => 0.001,
                "s" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                "" if number.len() == text.trim().len() => 1.0,
                _ => return Err(BadSpan),
            };
            seconds += number.parse::<f64>().map_err(|_| BadSpan)? * factor;
            rest = tail;
        }
        if seconds > 0.0 && seconds <= LONGEST {
            Ok(Self(Duration::from_secs_f64(seconds)))
        } else {
            Err(BadSpan)
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.as_secs_f64())
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a length of time such as 30s or 10m")]
        enum Raw {
            Number(f64),
            Text(String),
        }
        let text = match Raw::deserialize(from)? {
            Raw::Number(seconds) => seconds.to_string(),
            Raw::Text(text) => text,
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_people_write_them() {
        for (text, millis) in [
            ("30s", Some(30_000)),
            ("30", Some(30_000)),
            ("1.5", Some(1_500)),
            ("500ms", Some(500)),
            ("1h30m", Some(5_400_000)),
            ("2d", Some(172_800_000)),
            (" 10m ", Some(600_000)),
            ("0", None),
            ("0s", None),
            ("", None),
            ("-5s", None),
            ("5x", None),
            ("1h30", None),
            ("inf", None),
            ("1e9", None),
            ("9999d", None),
            ("1..5s", None),
        ] {
            assert_eq!(text.parse::<Span>().ok().map(|s| s.0.as_millis()), millis, "{text}");
        }
    }

    #[test]
    fn proxies_from_the_environment_are_split() {
        assert_eq!(split_words(" http://a:1,\nhttp://b:2\tc:3 , "), ["http://a:1", "http://b:2", "c:3"]);
        assert!(split_words(" \n").is_empty());
    }

    #[test]
    fn check_urls_may_name_the_status_they_expect() {
        let read = |list: &[&str]| {
            let check_url = list.iter().map(|s| (*s).to_owned()).collect();
            Settings { check_url, ..Settings::default() }.check_targets().ok()
        };
        let target = |url| CheckTarget::parse(url).expect("valid");
        assert_eq!(read(&[]), Some(vec![target("https://id.twitch.tv/oauth2/keys")]));
        let with = target("http://a/").expecting(204).expect("a status");
        assert_eq!(read(&["http://a/ 204", "https://b/x"]), Some(vec![with.clone(), target("https://b/x")]));
        assert_eq!(read(&["https://b/x http://a/ 204"]), Some(vec![target("https://b/x"), with]));
        for bad in ["204", "ftp://a/", "nonsense", "http://a/ 99", "http://u:p@a/"] {
            assert_eq!(read(&[bad]), None, "{bad}");
        }
    }
}
