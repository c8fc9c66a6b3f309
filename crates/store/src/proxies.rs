//! Table `proxy_settings`: the pool, and what is known of it.

use holdfast_model::ProxyId;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _,
    QueryOrder as _,
};

use crate::bulk;
use crate::entity::proxy::{ActiveModel, Column, Entity, Model};
use crate::proxy_model::{edited, has_written_password, row, sealed_password};
use crate::{NewProxyRow, ProxyEdit, ProxyRow, ProxyState, Store, StoreError};

impl Store {
    /// All proxies, by priority and then id. One whose password or address cannot be read is there, and `locked`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn proxies(&self) -> Result<Vec<ProxyRow>, StoreError> {
        self.reading(async {
            let found = Entity::find()
                .order_by_asc(Column::Priority)
                .order_by_asc(Column::Id)
                .all(&self.reader)
                .await?;
            self.rows(found).await
        })
        .await
    }

    /// One proxy; `None` if it is gone.
    ///
    /// # Errors
    /// As for [`Store::proxies`].
    pub async fn proxy(&self, id: ProxyId) -> Result<Option<ProxyRow>, StoreError> {
        self.reading(async {
            let found = Entity::find_by_id(id.0).all(&self.reader).await?;
            Ok(self.rows(found).await?.pop())
        })
        .await
    }

    async fn rows(&self, found: Vec<Model>) -> Result<Vec<ProxyRow>, StoreError> {
        for model in found.iter().filter(|model| has_written_password(&model.proxy_url)) {
            // If it fails now, the next who reads tries again.
            let _ = self.seal_written_password(model).await;
        }
        found.into_iter().map(|model| row(model, &self.vault)).collect()
    }

    /// Somebody wrote an address with its password by hand: the password goes where passwords are kept.
    async fn seal_written_password(&self, model: &Model) -> Result<(), StoreError> {
        let url = row(model.clone(), &self.vault)?.url;
        let sealed = ActiveModel {
            proxy_url: Set(url.without_password()),
            password_encrypted: Set(sealed_password(&self.vault, model.id, &url)?),
            ..Default::default()
        };
        // Unless it was changed again meanwhile.
        let this = Column::Id.eq(model.id).and(Column::ProxyUrl.eq(&model.proxy_url));
        Entity::update_many().set(sealed).filter(this).exec(&self.writer).await?;
        Ok(())
    }

    /// Adds all of them or none, unchecked (`unknown`), and answers with what was stored, in the same order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: it is not known whether they were added.
    pub async fn add_proxies(&self, new: &[NewProxyRow]) -> Result<Vec<ProxyRow>, StoreError> {
        self.writing(async {
            let transaction = self.begin().await?;
            let models = bulk::insert(&transaction, new, &self.vault).await?;
            let added = models.into_iter().map(|model| row(model, &self.vault)).collect::<Result<_, _>>()?;
            transaction.commit().await?;
            Ok(added)
        })
        .await
    }

    /// Changes what a person asked to change. Another address, or another user or password, makes the proxy `unknown`
    /// and forgets what the old one did, but for what it carried.
    ///
    /// # Errors
    /// As for [`Store::proxies`]. `None`: there is no such proxy.
    pub async fn edit_proxy(&self, id: ProxyId, edit: &ProxyEdit) -> Result<Option<ProxyRow>, StoreError> {
        self.writing(async {
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
        self.writing(async { Ok(Entity::delete_by_id(id.0).exec(&self.writer).await?.rows_affected > 0) })
            .await
    }

    /// Gives the proxies the priorities 0, 1, 2 … in this order. Ids that are gone are skipped.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn reorder(&self, ids: &[ProxyId]) -> Result<(), StoreError> {
        self.writing(async {
            let transaction = self.begin().await?;
            bulk::write_order(&transaction, ids).await?;
            Ok(transaction.commit().await?)
        })
        .await
    }

    /// Writes what is known of the proxies, each whole. Those that are gone are skipped.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn save_states(&self, states: &[ProxyState]) -> Result<(), StoreError> {
        self.writing(async {
            let transaction = self.begin().await?;
            bulk::write_states(&transaction, states).await?;
            Ok(transaction.commit().await?)
        })
        .await
    }
}

/// Counts so many more in one of a proxy's totals. A proxy that is gone is skipped.
pub(crate) async fn count_proxy(
    to: &impl ConnectionTrait,
    id: ProxyId,
    total: Column,
    more: i64,
) -> Result<(), StoreError> {
    let sum = Expr::col(total).add(more);
    Entity::update_many().col_expr(total, sum).filter(Column::Id.eq(id.0)).exec(to).await?;
    Ok(())
}
