//! `holdfast channel list` and `check`: a table of the channels, or of those that were just looked at.

use super::IdArgs;
use crate::table::{Edge, table};
use crate::types::{Channel, ChannelList};
use crate::{Api, ClientError, Io};

pub(super) async fn run(api: &Api, json: bool, io: &mut Io<'_>) -> Result<u8, ClientError> {
    let list = api.channels().await?;
    let columns = io.columns;
    io.show(json, &list, |list| as_text(list, columns))?;
    Ok(0)
}

/// Looks at each, one after the other: the server looks at two at a time anyway.
pub(super) async fn check(api: &Api, args: &IdArgs, json: bool, io: &mut Io<'_>) -> Result<u8, ClientError> {
    let mut items = Vec::new();
    for id in &args.ids {
        items.push(api.check_channel(*id).await?);
    }
    let failed = items.iter().any(|channel| channel.last_error.is_some());
    let columns = io.columns;
    io.show(json, &ChannelList { items }, |list| as_text(list, columns))?;
    Ok(u8::from(failed))
}

fn as_text(list: &ChannelList, columns: Option<usize>) -> String {
    if list.items.is_empty() {
        return "No channels. Add one with 'holdfast channel add NAME'.\n".to_owned();
    }
    let heads = [
        ("ID", Edge::Right),
        ("CHANNEL", Edge::Left),
        ("STATUS", Edge::Left),
        ("RECORD", Edge::Left),
        ("QUALITY", Edge::Left),
        ("TITLE", Edge::Left),
        ("NOTE", Edge::Left),
    ];
    table(heads, &list.items.iter().map(row).collect::<Vec<_>>(), columns)
}

fn row(channel: &Channel) -> [String; 7] {
    let note = channel.waiting_reason.as_ref().or(channel.last_error.as_ref());
    [
        channel.id.to_string(),
        channel.display_name.clone(),
        channel.status.clone(),
        if channel.record { "yes" } else { "no" }.to_owned(),
        channel.quality.clone(),
        channel.title.clone().unwrap_or_default(),
        note.cloned().unwrap_or_default(),
    ]
}
