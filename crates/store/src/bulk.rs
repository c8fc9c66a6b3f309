//! Writing many rows in few statements.
//!
//! PostgreSQL may be 10 ms away, and a whole transaction has 10 s: a thousand proxies, written row by row, would use
//! them up. So what is to be written is sent as a table of its own, and each row takes its values from there:
//!
//! ```sql
//! WITH fresh (id, priority) AS (SELECT * FROM (VALUES (7, 0), (5, 1)) AS lines)
//! UPDATE proxy_settings SET priority = fresh.priority FROM fresh WHERE proxy_settings.id = fresh.id
//! ```
//!
//! Both databases read it, and a line whose proxy is gone meets no row. A `CASE` for each column would do as well, but
//! send each id once for every column and try them one after the other. The driver tells PostgreSQL the type of each
//! value, so that one that is nothing needs no cast.

use std::collections::BTreeMap;

use holdfast_model::ProxyId;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{
    Asterisk, CommonTableExpression, Expr, ExprTrait as _, Query, UpdateStatement, ValueTuple,
};
use sea_orm::{ActiveModelTrait as _, ConnectionTrait, EntityTrait, Iterable as _, Value};

use crate::convert::{count, now};
use crate::entity::proxy::{ActiveModel, Entity, Model};
use crate::proxy_model::{new_model, sealed_password, set_health};
use crate::{NewProxyRow, ProxyState, StoreError, Vault};

/// Rows of one statement: SQLite takes 32,766 values, and a new proxy has nineteen.
const AT_ONCE: usize = 100;

/// The table of what is to be written.
const FRESH: &str = "fresh";

/// What is to be written to the rows with these ids: the columns that are set, the same in all. An id cannot be there
/// twice, for nobody promises which of two lines a statement would take.
type Changes<E> = BTreeMap<i64, <E as EntityTrait>::ActiveModel>;

/// The column that tells rows apart, the same in every table that is written so.
const ID: &str = "id";

/// Adds proxies within a transaction, which makes it all or none, and answers with their rows, in the same order.
pub(crate) async fn insert(
    to: &impl ConnectionTrait,
    new: &[NewProxyRow],
    vault: &Vault,
) -> Result<Vec<Model>, StoreError> {
    let mut models = Vec::with_capacity(new.len());
    for some in new.chunks(AT_ONCE) {
        let mut added = Entity::insert_many(some.iter().map(new_model)).exec_with_returning(to).await?;
        // Rows get their ids in the order they are given, but nobody promises that they are answered in it.
        added.sort_unstable_by_key(|model| model.id);
        for (model, new) in added.iter_mut().zip(some) {
            model.password_encrypted = sealed_password(vault, model.id, &new.url)?;
        }
        models.extend(added);
    }
    write_passwords(to, &models).await?;
    Ok(models)
}

/// A password is bound to the id of its row, so it can be sealed, and written, only when there is one.
async fn write_passwords(to: &impl ConnectionTrait, models: &[Model]) -> Result<(), StoreError> {
    let sealed = models.iter().filter(|model| model.password_encrypted.is_some()).map(|model| {
        let password = Set(model.password_encrypted.clone());
        (model.id, ActiveModel { password_encrypted: password, ..Default::default() })
    });
    write::<Entity>(to, &sealed.collect(), |_, fresh| fresh).await
}

/// Writes states within a transaction. Of two states of a proxy the last one counts.
pub(crate) async fn write_states(to: &impl ConnectionTrait, states: &[ProxyState]) -> Result<(), StoreError> {
    let now = now();
    let changes = states.iter().map(|state| {
        let mut model = ActiveModel {
            enabled: Set(state.enabled),
            auto_disabled: Set(state.auto_disabled),
            updated_at: Set(now),
            ..Default::default()
        };
        set_health(&mut model, &state.health);
        (state.id.0, model)
    });
    write::<Entity>(to, &changes.collect(), |_, fresh| fresh).await
}

/// Gives the proxies the priorities 0, 1, 2 … within a transaction. Of two places of a proxy the last one counts.
pub(crate) async fn write_order(to: &impl ConnectionTrait, ids: &[ProxyId]) -> Result<(), StoreError> {
    let now = now();
    let changes = (0..).zip(ids).map(|(priority, id)| {
        (id.0, ActiveModel { priority: Set(priority), updated_at: Set(now), ..Default::default() })
    });
    write::<Entity>(to, &changes.collect(), |_, fresh| fresh).await
}

/// Adds to what the proxies carried, within a transaction. Those that are gone are skipped.
pub(crate) async fn add_traffic(
    to: &impl ConnectionTrait,
    traffic: &[(ProxyId, u64, u64)],
) -> Result<(), StoreError> {
    let mut sums = BTreeMap::<i64, (u64, u64)>::new();
    for (id, up, down) in traffic {
        let sum = sums.entry(id.0).or_default();
        *sum = (sum.0.saturating_add(*up), sum.1.saturating_add(*down));
    }
    let changes = sums.into_iter().map(|(id, (up, down))| {
        let model =
            ActiveModel { bytes_up: Set(count(up)), bytes_down: Set(count(down)), ..Default::default() };
        (id, model)
    });
    write::<Entity>(to, &changes.collect(), |kept, fresh| kept.add(fresh)).await
}

/// Writes changes within a transaction. `make` makes the new value of a column of the one that is kept there and the fresh
/// one.
pub(crate) async fn write<E: EntityTrait>(
    to: &impl ConnectionTrait,
    changes: &Changes<E>,
    make: fn(Expr, Expr) -> Expr,
) -> Result<(), StoreError> {
    let Some(first) = changes.values().next() else { return Ok(()) };
    let columns: Vec<E::Column> = E::Column::iter().filter(|column| first.get(*column).is_set()).collect();
    let lines: Vec<_> = changes.iter().map(|(id, model)| line::<E>(*id, model, &columns)).collect();
    for some in lines.chunks(AT_ONCE) {
        to.execute(&statement::<E>(&columns, some, make)).await?;
    }
    Ok(())
}

/// The id and what is to be written to its row.
fn line<E: EntityTrait>(id: i64, model: &E::ActiveModel, columns: &[E::Column]) -> ValueTuple {
    let values = columns.iter().filter_map(|column| model.get(*column).into_value());
    ValueTuple::Many(std::iter::once(Value::from(id)).chain(values).collect())
}

/// The statement above.
fn statement<E: EntityTrait>(
    columns: &[E::Column],
    lines: &[ValueTuple],
    make: fn(Expr, Expr) -> Expr,
) -> UpdateStatement {
    let lines = Query::select().column(Asterisk).from_values(lines.iter().cloned(), "lines").take();
    let fresh = CommonTableExpression::new()
        .table_name(FRESH)
        .column(ID)
        .columns(columns.iter().copied())
        .query(lines)
        .to_owned();
    let values = columns
        .iter()
        .map(|column| (*column, make(Expr::col((E::default(), *column)), Expr::col((FRESH, *column)))));
    Query::update()
        .with_cte(fresh)
        .table(E::default())
        .values(values)
        .from(FRESH)
        .and_where(Expr::col((E::default(), ID)).equals((FRESH, ID)))
        .take()
}
