//! What changes channels: add, edit, remove.

use clap::{ArgGroup, Args};
use holdfast_model::Secret;
use serde::Serialize;

use super::limits;
use crate::size;
use crate::text::clean;
use crate::types::ChannelWish;
use crate::{Api, ClientError, Io};

/// Channels by their numbers.
#[derive(Args)]
pub struct IdArgs {
    /// Their numbers, as 'holdfast channel list' shows them
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<i64>,
}

/// How a channel is recorded.
#[derive(Args)]
pub struct RuleArgs {
    /// A name for it
    #[arg(long, value_name = "TEXT", group = "change")]
    pub name: Option<String>,
    /// Record it when it is live
    #[arg(long, value_name = "BOOL", group = "change")]
    pub record: Option<bool>,
    /// What Streamlink is asked for, such as best or 720p60,best
    #[arg(long, value_name = "QUALITY", group = "change")]
    pub quality: Option<String>,
    /// Only proxies that carry this tag; repeat it for several
    #[arg(long, value_name = "TAG", group = "change")]
    pub tag: Vec<String>,
    /// How its files are named, such as '{channel}/{date} {title}'; '' as in the settings
    #[arg(long, value_name = "TEMPLATE", group = "change")]
    pub filename: Option<String>,
    /// ts, mkv or mp4; '' as in the settings
    #[arg(long, value_name = "CONTAINER", group = "change")]
    pub container: Option<String>,
    /// Delete its recordings when they are so many days old; 0 never
    #[arg(long, value_name = "DAYS", group = "change")]
    pub max_age_days: Option<u32>,
    /// Keep its newest recordings, so many of them; 0 all
    #[arg(long, value_name = "N", group = "change")]
    pub max_count: Option<u32>,
    /// Delete the oldest of its recordings when they are larger together, such as 50GiB; 0 never
    #[arg(long, value_name = "SIZE", value_parser = size::bytes, group = "change")]
    pub max_bytes: Option<u64>,
    /// One more option for Streamlink, such as --option=--twitch-supported-codecs=h264,av1; repeat it for several
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true, group = "change")]
    pub option: Vec<String>,
    /// Read a Twitch user token from standard input; an empty line takes it away
    #[arg(long, group = "change")]
    pub token: bool,
}

/// Add a channel
///
/// It is looked at at once, and recorded when it is live.
#[derive(Args)]
#[command(after_help = "Examples:
  holdfast channel add xqc
  holdfast channel add https://www.youtube.com/@channel --name 'The channel' --tag eu
  holdfast channel add xqc --token < token.txt")]
#[command(group = ArgGroup::new("change").multiple(true))]
pub struct AddArgs {
    /// The name of a Twitch channel, or any address that Streamlink knows
    #[arg(value_name = "NAME|URL")]
    pub stream: String,
    /// Its rules.
    #[command(flatten)]
    pub rules: RuleArgs,
}

/// Change a channel
///
/// What is not named stays as it is. A recording under way keeps what it was begun with. Limits delete at once what is over
/// them, so they are put in force only with --yes if there is such; without it you see what they would delete. Recordings
/// that are marked as kept stay.
#[derive(Args)]
#[command(after_help = "Examples:
  holdfast channel edit 3 --record false
  holdfast channel edit 3 --container mp4 --max-count 20
  holdfast channel edit 3 --max-bytes 50GiB --yes
  holdfast channel edit 3 --no-tags")]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub struct EditArgs {
    /// Its number, as 'holdfast channel list' shows it
    #[arg(value_name = "ID")]
    pub id: i64,
    /// Its rules.
    #[command(flatten)]
    pub rules: RuleArgs,
    /// Take all its tags away
    #[arg(long, conflicts_with = "tag", group = "change")]
    pub no_tags: bool,
    /// Take all its options for Streamlink away
    #[arg(long, conflicts_with = "option", group = "change")]
    pub no_options: bool,
    /// Delete at once what is over the limits
    #[arg(long)]
    pub yes: bool,
}

pub(super) async fn add(api: &Api, args: &AddArgs, json: bool, io: &mut Io<'_>) -> Result<u8, ClientError> {
    let token = token(&args.rules, io)?;
    let mut wish = wish(&args.rules, token.as_ref());
    // A bare name is a channel of Twitch, as for 'holdfast record'.
    if args.stream.contains(['.', ':', '/']) {
        wish.url = Some(&args.stream);
    } else {
        wish.username = Some(&args.stream);
    }
    let added = api.add_channel(&wish).await?;
    io.show(json, &added, |c| format!("Added channel {}: {}\n", c.id, clean(&c.display_name)))?;
    Ok(0)
}

pub(super) async fn edit(api: &Api, args: &EditArgs, json: bool, io: &mut Io<'_>) -> Result<u8, ClientError> {
    let token = token(&args.rules, io)?;
    let mut wish = wish(&args.rules, token.as_ref());
    if args.no_tags {
        wish.tags = Some(&[]);
    }
    if args.no_options {
        wish.streamlink_options = Some(&[]);
    }
    if !args.yes {
        limits::delete_nothing(api, args.id, &wish).await?;
    }
    let changed = api.change_channel(args.id, &wish).await?;
    io.show(json, &changed, |c| format!("Changed channel {}: {}\n", c.id, clean(&c.display_name)))?;
    Ok(0)
}

pub(super) async fn remove(api: &Api, args: &IdArgs, json: bool, io: &mut Io<'_>) -> Result<u8, ClientError> {
    #[derive(Serialize)]
    struct Removed<'a> {
        removed: &'a [i64],
    }
    for (done, id) in args.ids.iter().enumerate() {
        if let Err(error) = api.remove_channel(*id).await {
            let before = Removed { removed: &args.ids[..done] };
            io.show(json, &before, |_| String::new())?;
            return Err(error);
        }
    }
    let removed = Removed { removed: &args.ids };
    io.show(json, &removed, |r| r.removed.iter().map(|id| format!("Removed channel {id}\n")).collect())?;
    Ok(0)
}

/// The token that standard input names; `None` if none is meant.
fn token(rules: &RuleArgs, io: &mut Io<'_>) -> Result<Option<Secret>, ClientError> {
    rules.token.then(|| io.read_line().map(|line| Secret::new(line.expose().trim()))).transpose()
}

fn wish<'a>(rules: &'a RuleArgs, token: Option<&'a Secret>) -> ChannelWish<'a> {
    let some = |text: &'a Option<String>| text.as_deref().map(|text| Some(text).filter(|t| !t.is_empty()));
    ChannelWish {
        username: None,
        url: None,
        display_name: rules.name.as_deref(),
        record: rules.record,
        quality: rules.quality.as_deref(),
        tags: (!rules.tag.is_empty()).then_some(&rules.tag),
        filename_template: some(&rules.filename),
        container: some(&rules.container),
        max_age_days: above_0(rules.max_age_days),
        max_count: above_0(rules.max_count),
        max_bytes: above_0(rules.max_bytes),
        streamlink_options: (!rules.option.is_empty()).then_some(&rules.option),
        token: token.map(Secret::expose),
    }
}

/// 0 takes a limit away.
fn above_0<N: Default + PartialOrd>(number: Option<N>) -> Option<Option<N>> {
    number.map(|number| Some(number).filter(|n| *n > N::default()))
}
