//! Whether Twitch takes the credentials of the settings, and what is told of it: once when it refuses them, once when it takes
//! them again. Pure. An outage of Twitch is neither: it changes nothing here.
//!
//! While they are refused, channels of Twitch are looked at as if there were none (`watch.rs`); how often Twitch is asked again
//! meanwhile, the token decides for all who need it (`crates/twitch`, `token.rs`).

use holdfast_model::Level;
use holdfast_twitch::TwitchError;

/// Who says that Twitch takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Witness {
    /// It gave a token.
    Token,
    /// Its API answered.
    Api,
}

/// What is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It refuses them, for this reason.
    Refused(String),
    /// It takes them again.
    Taken,
}

impl Told {
    /// Level and sentence; `instead`: what proxies are checked with meanwhile.
    pub(crate) fn words(&self, instead: &str) -> (Level, String) {
        match self {
            Self::Refused(why) => (
                Level::Error,
                format!(
                    "Twitch refuses the credentials of the settings: {why}. Enter them anew under Channels, Recording \
                     settings. Until it takes them, channels of Twitch are looked at through Streamlink, and proxies \
                     are checked with {instead}"
                ),
            ),
            Self::Taken => (
                Level::Info,
                "Twitch takes the credentials again: it is asked for its channels as before".to_owned(),
            ),
        }
    }
}

/// Where that stands.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    /// Who alone can say that it is over, while they are refused.
    over_by: Option<Witness>,
    /// It was told of the present ones.
    told: bool,
}

impl Refused {
    /// Whether they are refused.
    pub(crate) fn is_refused(&self) -> bool {
        self.over_by.is_some()
    }

    /// Takes in how a request went.
    pub(crate) fn heed<T>(&mut self, witness: Witness, result: &Result<T, TwitchError>) -> Option<Told> {
        match result {
            Ok(_) if self.over_by == Some(Witness::Api) && witness == Witness::Token => None,
            Ok(_) => {
                self.told = false;
                self.over_by.take().map(|_| Told::Taken)
            }
            Err(error) if error.is_refusal() => {
                // That there is a token means little once the API took none.
                let over_by = match error {
                    TwitchError::Credentials(_) => Witness::Token,
                    _ => Witness::Api,
                };
                self.over_by = Some(over_by);
                let news = !std::mem::replace(&mut self.told, true);
                news.then(|| Told::Refused(error.to_string()))
            }
            Err(_) => None,
        }
    }

    /// There are others: should these be refused as well, that is news. If not, what was told of the old ones is over.
    pub(crate) fn renewed(&mut self) {
        self.told = false;
    }

    /// There are none any more.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = Result<(), TwitchError>;

    fn wrong() -> Outcome {
        Err(TwitchError::Credentials("wrong".to_owned()))
    }

    fn untaken() -> Outcome {
        Err(TwitchError::Token("not taken".to_owned()))
    }

    fn outages() -> [Outcome; 2] {
        let until = chrono::DateTime::UNIX_EPOCH;
        [Err(TwitchError::Unavailable("503".to_owned())), Err(TwitchError::RateLimited { until })]
    }

    fn told(why: &str) -> Option<Told> {
        Some(Told::Refused(why.to_owned()))
    }

    #[test]
    fn a_refusal_is_told_once_and_so_is_its_end() {
        let mut state = Refused::default();
        assert_eq!(state.heed(Witness::Token, &Ok(())), None);
        assert_eq!(state.heed(Witness::Token, &wrong()), told("wrong"));
        assert_eq!(state.heed(Witness::Api, &wrong()), None, "no news");
        assert!(state.is_refused());
        assert_eq!(state.heed(Witness::Token, &Ok(())), Some(Told::Taken));
        assert_eq!(state.heed(Witness::Api, &Ok(())), None);
        assert!(!state.is_refused());
    }

    #[test]
    fn an_outage_is_no_refusal_and_ends_none() {
        let mut state = Refused::default();
        for outage in outages() {
            assert_eq!((state.heed(Witness::Api, &outage), state.is_refused()), (None, false), "{outage:?}");
        }
        state.heed(Witness::Api, &wrong());
        for outage in outages() {
            assert_eq!((state.heed(Witness::Api, &outage), state.is_refused()), (None, true), "{outage:?}");
        }
    }

    #[test]
    fn a_token_that_the_api_does_not_take_is_no_good_sign() {
        let mut state = Refused::default();
        assert_eq!(state.heed(Witness::Api, &untaken()), told("not taken"));
        assert_eq!((state.heed(Witness::Token, &Ok(())), state.is_refused()), (None, true));
        assert_eq!(state.heed(Witness::Api, &Ok(())), Some(Told::Taken));
    }

    #[test]
    fn others_that_are_refused_as_well_are_news() {
        let mut state = Refused::default();
        state.heed(Witness::Token, &wrong());
        state.renewed();
        assert!(state.is_refused(), "until Twitch takes the others");
        assert_eq!(state.heed(Witness::Token, &wrong()), told("wrong"));
        assert_eq!(state.heed(Witness::Token, &wrong()), None);
        state.renewed();
        assert_eq!(state.heed(Witness::Token, &Ok(())), Some(Told::Taken));
    }

    #[test]
    fn of_credentials_that_are_gone_nothing_is_told() {
        let mut state = Refused::default();
        state.heed(Witness::Token, &wrong());
        state.forget();
        assert_eq!((state.is_refused(), state.heed(Witness::Token, &Ok(()))), (false, None));
    }

    #[test]
    fn it_is_told_with_what_to_do() {
        let (level, words) = Told::Refused("wrong".to_owned()).words("https://a.test/");
        assert_eq!(level, Level::Error);
        for part in [": wrong. Enter them anew", "through Streamlink", "https://a.test/"] {
            assert!(words.contains(part), "{words}");
        }
    }
}
