//! Table `proxy_settings`: the pool, and what is known of it.

use holdfast_model::{Health, ProxyId, ProxyUrl, Secret};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{
    ActiveModelTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _,
};
use sea_orm::{ColumnTrait as _, DatabaseTransaction};

use crate::convert::{Word as _, count, masked, micros, now, small, tags, text, uncount, untags};
use crate::entity::proxy::{ActiveModel, Column, Entity, Model};
use crate::open::limited;
use crate::{
    NewProxyRow, ProxyEdit, ProxyHealthRow, ProxyRow, ProxyState, ProxyTotals, Store, StoreError, Vault,
};

impl Store {
    /// All proxies, by priority and then id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Data`] if somebody wrote an address that is none, naming the row.
    pub async fn proxies(&self) -> Result<Vec<ProxyRow>, StoreError> {
        limited(async {
            let found = Entity::find()
                .order_by_asc(Column::Priority)
                .order_by_asc(Column::Id)
                .all(&self.reader)
                .await?;
            found.into_iter().map(|model| row(model, &self.vault)).collect()
        })
        .await
    }

    /// One proxy; `None` if it is gone.
    ///
    /// # Errors
    /// As for [`Store::proxies`].
    pub async fn proxy(&self, id: ProxyId) -> Result<Option<ProxyRow>, StoreError> {
        limited(async {
            let found = Entity::find_by_id(id.0).one(&self.reader).await?;
            found.map(|model| row(model, &self.vault)).transpose()
        })
        .await
    }

    /// Adds all of them or none, unchecked (`unknown`), and answers with what was stored, in the same order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: it is not known whether they were added.
    pub async fn add_proxies(&self, new: &[NewProxyRow]) -> Result<Vec<ProxyRow>, StoreError> {
        limited(async {
            let transaction = self.begin().await?;
            let mut added = Vec::with_capacity(new.len());
            for proxy in new {
                added.push(self.add_proxy(&transaction, proxy).await?);
            }
            transaction.commit().await?;
            Ok(added)
        })
        .await
    }

    /// The password is bound to the row's id, so it can be sealed only when there is one.
    async fn add_proxy(
        &self,
        transaction: &DatabaseTransaction,
        new: &NewProxyRow,
    ) -> Result<ProxyRow, StoreError> {
        let model = new_model(new).insert(transaction).await?;
        let Some(sealed) = sealed_password(&self.vault, model.id, &new.url)? else {
            return row(model, &self.vault);
        };
        let mut model = model.into_active_model();
        model.password_encrypted = Set(Some(sealed));
        row(model.update(transaction).await?, &self.vault)
    }

    /// Changes what a person asked to change. Another address, or another user or password, makes the proxy `unknown`
    /// and forgets what the old one did, but for what it carried.
    ///
    /// # Errors
    /// As for [`Store::proxies`]. `None`: there is no such proxy.
    pub async fn edit_proxy(&self, id: ProxyId, edit: &ProxyEdit) -> Result<Option<ProxyRow>, StoreError> {
        limited(async {
            let transaction = self.begin().await?;
            let Some(model) = Entity::find_by_id(id.0).one(&transaction).await? else { return Ok(None) };
            let changed = edited(model, edit, &self.vault)?.update(&transaction).await?;
            transaction.commit().await?;
            row(changed, &self.vault).map(Some)
        })
        .await
    }

    /// Removes a proxy and its checks. Recordings keep its masked name. False if there was none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remove_proxy(&self, id: ProxyId) -> Result<bool, StoreError> {
        limited(async { Ok(Entity::delete_by_id(id.0).exec(&self.writer).await?.rows_affected > 0) }).await
    }

    /// Gives the proxies the priorities 0, 1, 2 … in this order. Ids that are gone are skipped.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn reorder(&self, ids: &[ProxyId]) -> Result<(), StoreError> {
        limited(async {
            let transaction = self.begin().await?;
            for (priority, id) in (0..).zip(ids) {
                let place =
                    ActiveModel { priority: Set(priority), updated_at: Set(now()), ..Default::default() };
                Entity::update_many().set(place).filter(Column::Id.eq(id.0)).exec(&transaction).await?;
            }
            Ok(transaction.commit().await?)
        })
        .await
    }

    /// Writes what is known of the proxies, each whole. Those that are gone are skipped.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn save_states(&self, states: &[ProxyState]) -> Result<(), StoreError> {
        limited(async {
            let transaction = self.begin().await?;
            write_states(&transaction, states).await?;
            Ok(transaction.commit().await?)
        })
        .await
    }
}

/// Writes states within a transaction.
pub(crate) async fn write_states(to: &impl ConnectionTrait, states: &[ProxyState]) -> Result<(), StoreError> {
    for state in states {
        let mut model = ActiveModel {
            enabled: Set(state.enabled),
            auto_disabled: Set(state.auto_disabled),
            updated_at: Set(now()),
            ..Default::default()
        };
        set_health(&mut model, &state.health);
        Entity::update_many().set(model).filter(Column::Id.eq(state.id.0)).exec(to).await?;
    }
    Ok(())
}

/// Where the password of a proxy is sealed for.
fn place(id: i64) -> String {
    format!("proxy_settings/{id}")
}

fn sealed_password(vault: &Vault, id: i64, url: &ProxyUrl) -> Result<Option<String>, StoreError> {
    let password = url.credentials().map(|credentials| &credentials.password);
    let password = password.filter(|password| !password.expose().is_empty());
    password.map(|password| vault.seal(&place(id), password.expose())).transpose()
}

fn new_model(new: &NewProxyRow) -> ActiveModel {
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

fn set_health(model: &mut ActiveModel, health: &ProxyHealthRow) {
    model.health_status = Set(health.status.word());
    model.last_health_check = Set(health.last_health_check.map(micros));
    model.response_time_ms = Set(health.response_time_ms.map(i64::from));
    model.average_response_time_ms = Set(health.average_response_time_ms.map(i64::from));
    model.consecutive_failures = Set(health.consecutive_failures.into());
    model.last_error = Set(health.last_error.as_deref().map(masked));
}

fn edited(old: Model, edit: &ProxyEdit, vault: &Vault) -> Result<ActiveModel, StoreError> {
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

fn row(model: Model, vault: &Vault) -> Result<ProxyRow, StoreError> {
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

/// The whole URL, or the URL without its password and why.
fn url(model: &Model, vault: &Vault) -> Result<(ProxyUrl, Option<String>), StoreError> {
    let sealed = model.password_encrypted.as_deref().filter(|sealed| !sealed.is_empty());
    let password = match sealed {
        None => Some(Secret::new("")),
        Some(sealed) => vault.open(&place(model.id), sealed).ok(),
    };
    let locked = password.is_none().then(|| {
        "its password cannot be decrypted with this secret key: start with the key it was stored with, or enter the \
         proxy's URL with its password again"
            .to_owned()
    });
    let url = ProxyUrl::from_kept(&model.proxy_url, password).map_err(|error| {
        StoreError::data(format!(
            "row {} of the table proxy_settings has no usable proxy_url: {error}",
            model.id
        ))
    })?;
    Ok((url, locked))
}

/// Adds to what a proxy carried. A proxy that is gone is skipped.
pub(crate) async fn add_traffic(
    to: &impl ConnectionTrait,
    traffic: &[(ProxyId, u64, u64)],
) -> Result<(), StoreError> {
    for (id, up, down) in traffic {
        add_totals(to, *id, &[(Column::BytesUp, count(*up)), (Column::BytesDown, count(*down))]).await?;
    }
    Ok(())
}

/// Adds to some of a proxy's totals. A proxy that is gone is skipped.
pub(crate) async fn add_totals(
    to: &impl ConnectionTrait,
    id: ProxyId,
    sums: &[(Column, i64)],
) -> Result<(), StoreError> {
    use sea_orm::sea_query::{Expr, ExprTrait as _};
    let update = sums.iter().fold(Entity::update_many(), |update, (column, more)| {
        update.col_expr(*column, Expr::col(*column).add(*more))
    });
    update.filter(Column::Id.eq(id.0)).exec(to).await?;
    Ok(())
}
