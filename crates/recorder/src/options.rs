//! Extra options for Streamlink that a person may set. Streamlink has options that write files, run programs, change the
//! proxy or open ports, and others that break what a recording relies on; so there is a closed list of those that do
//! none of that, and of what may stand behind each.

use std::fmt;

/// The most options at once.
const MOST: usize = 20;
/// The longest value, in bytes.
const LONGEST: usize = 500;
/// Headers that hold no secret and that no proxy reads.
const HEADERS: [&str; 4] = ["Accept-Language", "Origin", "Referer", "User-Agent"];
/// What may be asked for in the name of which player; the rest of that request is the plugin's.
const PLAYER: [&str; 3] = ["platform", "playerBackend", "playerType"];
const CODECS: [&str; 3] = ["h264", "h265", "av1"];
const STREAM_TYPES: [&str; 4] = ["hls", "dash", "http", "*"];

/// What may stand behind an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// Some of these words, with commas between them.
    Words(&'static [&'static str]),
    /// One of these words, `=`, and a text.
    Pair(&'static [&'static str]),
    /// A whole number in a range.
    Number(u32, u32),
    /// Names of letters, digits, spaces and `_ - * . ( )`, with commas between them.
    Names,
    /// `en_US`.
    Locale,
    /// `>720p,<=360p`.
    Filters,
}

/// One option of the list.
#[derive(Clone, Copy, Debug)]
struct Known {
    name: &'static str,
    takes: Takes,
    /// It may be given several times.
    repeats: bool,
}

const fn once(name: &'static str, takes: Takes) -> Known {
    Known { name, takes, repeats: false }
}

/// Every option there is, by name. Streamlink 8.6 takes each of them.
const KNOWN: [Known; 8] = [
    // For DASH what `hls-playlist-reload-attempts` is for HLS.
    once("dash-manifest-reload-attempts", Takes::Number(1, 20)),
    once("hls-audio-select", Takes::Names),
    Known { name: "http-header", takes: Takes::Pair(&HEADERS), repeats: true },
    once("locale", Takes::Locale),
    once("stream-sorting-excludes", Takes::Filters),
    once("stream-types", Takes::Words(&STREAM_TYPES)),
    Known { name: "twitch-access-token-param", takes: Takes::Pair(&PLAYER), repeats: true },
    once("twitch-supported-codecs", Takes::Words(&CODECS)),
];

/// Why an option is refused. Shows no value: somebody may have put a password there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// It is not `--name=value`.
    #[error("a Streamlink option is written --name=value. There are: {}", names())]
    Malformed,
    /// It is not in the list.
    #[error("the Streamlink option --{0} cannot be set here. Those that can: {known}", known = names())]
    Unknown(String),
    /// Its value is none that it may have.
    #[error("the Streamlink option --{name} takes {takes}")]
    Value {
        /// The option.
        name: &'static str,
        /// What it takes, in words.
        takes: String,
    },
    /// It can be given once.
    #[error("the Streamlink option --{0} is given twice")]
    Twice(&'static str),
    /// More than 20.
    #[error("at most {MOST} Streamlink options can be set")]
    TooMany,
}

fn names() -> String {
    KNOWN.map(|known| format!("--{}", known.name)).join(", ")
}

/// Extra options, each in the list and with a value that it may have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamlinkOptions(Vec<(&'static str, String)>);

impl StreamlinkOptions {
    /// Reads `--name=value` and the like.
    ///
    /// # Errors
    /// [`OptionError`], in words that a person can act on.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, OptionError> {
        let mut options: Vec<(&'static str, String)> = Vec::new();
        for text in texts {
            let (known, value) = read(text.as_ref())?;
            if !known.repeats && options.iter().any(|(name, _)| *name == known.name) {
                return Err(OptionError::Twice(known.name));
            }
            options.push((known.name, value));
        }
        if options.len() > MOST { Err(OptionError::TooMany) } else { Ok(Self(options)) }
    }

    /// The names of all that can be set, without dashes.
    pub fn known() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().map(|known| known.name)
    }

    /// Name (without dashes) and value of each, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The headers among them.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter().filter(|(name, _)| *name == "http-header").filter_map(|(_, value)| value.split_once('='))
    }
}

/// One option and its value.
fn read(text: &str) -> Result<(&'static Known, String), OptionError> {
    let (name, value) = text.trim().split_once('=').ok_or(OptionError::Malformed)?;
    let name = name.trim().trim_start_matches('-');
    if name.is_empty() || name.len() > 60 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(OptionError::Malformed);
    }
    let known = KNOWN.iter().find(|known| known.name == name);
    let known = known.ok_or_else(|| OptionError::Unknown(name.to_owned()))?;
    let value = value.trim();
    if value.is_empty() || value.len() > LONGEST || !known.takes.allows(value) {
        return Err(OptionError::Value { name: known.name, takes: known.takes.to_string() });
    }
    Ok((known, value.to_owned()))
}

impl Takes {
    fn allows(self, value: &str) -> bool {
        let mut items = value.split(',').map(str::trim);
        match self {
            Self::Words(words) => items.all(|item| words.contains(&item)),
            Self::Pair(keys) => value.split_once('=').is_some_and(|(key, text)| {
                keys.contains(&key) && !text.is_empty() && text.bytes().all(|b| (b' '..=b'~').contains(&b))
            }),
            Self::Number(least, most) => value.parse().is_ok_and(|number| (least..=most).contains(&number)),
            Self::Names => {
                let fits = |c: char| c.is_alphanumeric() || "_-*.() ".contains(c);
                items.all(|item| !item.is_empty() && item.chars().all(fits))
            }
            Self::Locale => value.split_once('_').is_some_and(|(language, country)| {
                let (lower, upper) = (u8::is_ascii_lowercase, u8::is_ascii_uppercase);
                (2..=3).contains(&language.len())
                    && language.as_bytes().iter().all(lower)
                    && country.len() == 2
                    && country.as_bytes().iter().all(upper)
            }),
            Self::Filters => items.all(|item| {
                let name = item.trim_start_matches(['<', '>', '=']);
                item.len() - name.len() <= 2
                    && !name.is_empty()
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+".contains(&b))
            }),
        }
    }
}

impl fmt::Display for Takes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(words) => write!(f, "some of {}, with commas between them", words.join(", ")),
            Self::Pair(keys) => {
                write!(f, "one of {}, then '=' and a text of plain characters", keys.join(", "))
            }
            Self::Number(least, most) => write!(f, "a whole number from {least} to {most}"),
            Self::Names => f.write_str("names or codes with commas between them, or *"),
            Self::Locale => f.write_str("a language and a country, as in en_US"),
            Self::Filters => {
                f.write_str("qualities, each behind >, >=, < or <= if you like, with commas between them")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<(&'static str, String)>, String> {
        StreamlinkOptions::parse([text]).map(|options| options.0).map_err(|error| error.to_string())
    }

    #[test]
    fn the_list_is_in_order_and_says_what_there_is() {
        assert!(KNOWN.windows(2).all(|pair| pair[0].name < pair[1].name));
        let refusal = parse("--hls-live-edge=1").expect_err("not in the list");
        assert!(
            refusal.starts_with("the Streamlink option --hls-live-edge cannot be set here."),
            "{refusal}"
        );
        assert!(KNOWN.iter().all(|known| refusal.contains(&format!("--{}", known.name))), "{refusal}");
    }

    #[test]
    fn options_are_read() {
        for (text, name, value) in [
            ("--hls-audio-select=de,English (Main)", "hls-audio-select", "de,English (Main)"),
            (" hls-audio-select = * ", "hls-audio-select", "*"),
            ("--http-header=Referer=https://h/?a=b", "http-header", "Referer=https://h/?a=b"),
            ("--locale=de_AT", "locale", "de_AT"),
            ("--stream-sorting-excludes=>720p,<=360p, 480p", "stream-sorting-excludes", ">720p,<=360p, 480p"),
            ("--stream-types=dash,*", "stream-types", "dash,*"),
            ("--twitch-supported-codecs=av1, h264", "twitch-supported-codecs", "av1, h264"),
            ("--twitch-access-token-param=playerType=site", "twitch-access-token-param", "playerType=site"),
            ("--dash-manifest-reload-attempts=20", "dash-manifest-reload-attempts", "20"),
        ] {
            assert_eq!(parse(text), Ok(vec![(name, value.to_owned())]), "{text}");
        }
    }

    #[test]
    fn nothing_else_is_taken_and_no_value_is_shown() {
        for text in [
            // What would write, run, listen, or go another way.
            "--output=S3CRET",
            "-o=S3CRET",
            "--player=S3CRET",
            "--http-proxy=http://u:S3CRET@h",
            "--http-cookie=id=S3CRET",
            "--logfile=S3CRET",
            "--config=S3CRET",
            "--plugin-dir=S3CRET",
            "--ffmpeg-ffmpeg=S3CRET",
            "--webbrowser=S3CRET",
            "--HLS-audio-select=S3CRET",
            "--hls-audio=S3CRET",
            "--hls audio=S3CRET",
            // What would smuggle something in.
            "--hls-audio-select=de\nplayer=S3CRET",
            "--hls-audio-select=de\u{2028}player=S3CRET",
            "--http-header=Referer=a\nplayer=S3CRET",
            "--http-header=Proxy-Authorization=S3CRET",
            "--http-header=Authorization=S3CRET",
            "--http-header=Cookie=S3CRET",
            "--http-header=S3CRET",
            "--twitch-access-token-param=login=S3CRET",
            "--twitch-api-header=Authorization=S3CRET",
            // What is no value.
            "--twitch-supported-codecs=S3CRET",
            "--twitch-supported-codecs=h264,",
            "--stream-types=",
            "--stream-sorting-excludes=>>=720p",
            "--dash-manifest-reload-attempts=0",
            "--dash-manifest-reload-attempts=21",
            "--locale=german",
            "--locale=de_at",
            "S3CRET",
            "--",
            "=S3CRET",
            "",
        ] {
            let refusal = parse(text).expect_err(text);
            assert!(!refusal.contains("S3CRET"), "{text}: {refusal}");
        }
        let long = format!("--http-header=Referer={}", "x".repeat(500));
        assert!(parse(&long).is_err());
        let twice = StreamlinkOptions::parse(["--locale=de_AT", "--locale=en_US"]);
        assert_eq!(twice, Err(OptionError::Twice("locale")));
        let many = (0..21).map(|n| format!("--http-header=Referer={n}"));
        assert_eq!(StreamlinkOptions::parse(many), Err(OptionError::TooMany));
    }

    #[test]
    fn headers_are_told_apart() {
        let options = StreamlinkOptions::parse(["--locale=de_AT", "--http-header=Referer=https://h/?a=b"]);
        let options = options.expect("options");
        assert_eq!(options.headers().collect::<Vec<_>>(), [("Referer", "https://h/?a=b")]);
    }
}
