//! Between a row of `proxy_settings` and a proxy as the others see it, its password sealed or opened.

use holdfast_model::{Health, ProxyId, ProxyUrl, Secret};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::IntoActiveModel as _;

use crate::convert::{Word as _, masked, micros, now, small, tags, text, uncount, untags};
use crate::entity::proxy::{ActiveModel, Model};
use crate::{NewProxyRow, ProxyEdit, ProxyHealthRow, ProxyRow, ProxyTotals, StoreError, Vault};

/// What stands for an address that is none: no name ends in `.invalid` (RFC 2606).
const NOWHERE: &str = "http://unusable.invalid:80";

/// Why a password is not there.
const WRONG_KEY: &str = "its password cannot be decrypted with this secret key: start with the key it was stored with, \
                         or enter the proxy's URL with its password again";

/// Where the password of a proxy is sealed for.
fn place(id: i64) -> String {
    format!("proxy_settings/{id}")
}

/// The password of a URL, sealed for the proxy with this id; `None` if it has none.
pub(crate) fn sealed_password(vault: &Vault, id: i64, url: &ProxyUrl) -> Result<Option<String>, StoreError> {
    let password = url.credentials().map(|credentials| &credentials.password);
    let password = password.filter(|password| !password.expose().is_empty());
    password.map(|password| vault.seal(&place(id), password.expose())).transpose()
}

/// A proxy that nobody checked yet, without its password.
pub(crate) fn new_model(new: &NewProxyRow) -> ActiveModel {
    let now = now();
    ActiveModel {
        id: NotSet,
        proxy_url: Set(new.url.without_password()),
        password_encrypted: Set(None),
        label: Set(new.label.as_deref().map(text)),
        tags: Set(tags(&new.tags)),
        priority: Set(new.priority.into()),
        enabled: Set(new.enabled),
        auto_disabled: Set(false),
        health_status: Set(Health::Unknown.word()),
        last_health_check: Set(None),
        response_time_ms: Set(None),
        average_response_time_ms: Set(None),
        consecutive_failures: Set(0),
        last_error: Set(None),
        total_recordings: Set(0),
        failed_recordings: Set(0),
        bytes_up: Set(0),
        bytes_down: Set(0),
        created_at: Set(now),
        updated_at: Set(now),
    }
}

/// Writes what checks say.
pub(crate) fn set_health(model: &mut ActiveModel, health: &ProxyHealthRow) {
    model.health_status = Set(health.status.word());
    model.last_health_check = Set(health.last_health_check.map(micros));
    model.response_time_ms = Set(health.response_time_ms.map(i64::from));
    model.average_response_time_ms = Set(health.average_response_time_ms.map(i64::from));
    model.consecutive_failures = Set(health.consecutive_failures.into());
    model.last_error = Set(health.last_error.as_deref().map(masked));
}

/// What a person's changes make of a proxy.
pub(crate) fn edited(old: Model, edit: &ProxyEdit, vault: &Vault) -> Result<ActiveModel, StoreError> {
    let id = old.id;
    // One that cannot be read any more is certainly another than the one that is written now.
    let same_url =
        |url: &ProxyUrl| row(old.clone(), vault).is_ok_and(|row| row.locked.is_none() && row.url == *url);
    let new_url = edit.url.as_ref().filter(|url| !same_url(url));
    let mut model = old.into_active_model();
    if let Some(url) = new_url {
        model.proxy_url = Set(url.without_password());
        model.password_encrypted = Set(sealed_password(vault, id, url)?);
        set_health(&mut model, &ProxyHealthRow::default());
    }
    if let Some(label) = &edit.label {
        model.label = Set(label.as_deref().map(text));
    }
    if let Some(new) = &edit.tags {
        model.tags = Set(tags(new));
    }
    if let Some(priority) = edit.priority {
        model.priority = Set(priority.into());
    }
    if let Some(enabled) = edit.enabled {
        model.enabled = Set(enabled);
        model.auto_disabled = Set(false);
        if enabled {
            model.consecutive_failures = Set(0);
        }
    }
    model.updated_at = Set(now());
    Ok(model)
}

/// A proxy as the others see it.
pub(crate) fn row(model: Model, vault: &Vault) -> Result<ProxyRow, StoreError> {
    let (url, locked) = url(&model, vault)?;
    Ok(ProxyRow {
        id: ProxyId(model.id),
        url,
        locked,
        label: model.label,
        tags: untags(&model.tags),
        priority: small(model.priority),
        enabled: model.enabled,
        auto_disabled: model.auto_disabled,
        health: ProxyHealthRow {
            status: Health::of(&model.health_status).unwrap_or(Health::Unknown),
            last_health_check: model.last_health_check,
            response_time_ms: model.response_time_ms.map(small),
            average_response_time_ms: model.average_response_time_ms.map(small),
            consecutive_failures: small(model.consecutive_failures),
            last_error: model.last_error,
        },
        totals: ProxyTotals {
            total_recordings: uncount(model.total_recordings),
            failed_recordings: uncount(model.failed_recordings),
            bytes_up: uncount(model.bytes_up),
            bytes_down: uncount(model.bytes_down),
        },
        created_at: model.created_at,
        updated_at: model.updated_at,
    })
}

/// Whether there is a password in an address as it is stored. This crate never writes one there, and encodes a colon in
/// a user name.
pub(crate) fn has_written_password(stored: &str) -> bool {
    let userinfo = stored.rsplit_once('@').map_or("", |(before, _)| before);
    userinfo.split_once("://").is_some_and(|(_, userinfo)| userinfo.contains(':'))
}

/// The whole URL, or as much of it as can be used, and why that is not all.
fn url(model: &Model, vault: &Vault) -> Result<(ProxyUrl, Option<String>), StoreError> {
    let sealed = model.password_encrypted.as_deref().filter(|sealed| !sealed.is_empty());
    let password = match sealed {
        None => Some(Secret::new("")),
        Some(sealed) => vault.open(&place(model.id), sealed).ok(),
    };
    let locked = password.is_none() && !has_written_password(&model.proxy_url);
    let why = match ProxyUrl::from_kept(&model.proxy_url, password) {
        Ok(url) => return Ok((url, locked.then(|| WRONG_KEY.to_owned()))),
        Err(error) => format!("its proxy_url in the table proxy_settings cannot be used: {error}"),
    };
    // One row that somebody got wrong must not hide the others, nor make it seem that there are no proxies.
    let nowhere = ProxyUrl::parse(NOWHERE).map_err(|error| StoreError::data(error.to_string()))?;
    Ok((nowhere, Some(why)))
}
