//! From a bearer token to an [`Access`]: the signature is checked once and remembered, the account and its grants
//! are read from the service's own copy and remembered until one of them changes, and a copy too old to trust refuses.

use std::{
    future::ready,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, sql_types};
use diesel_async::RunQueryDsl;
use moka::{Entry, future::Cache};
use registrar_domain::ids::{AccountId, StaffId, TenantId};
use registrar_store::{Clock, Connection, Db, StoreError, StoreResult};
use uuid::Uuid;

use crate::{
    Access,
    freshness::{Freshness, Remembered},
    held::{Held, Holder},
    schema::{authority_freshness, signing_keys},
    token::{self, Claims},
};

/// How an [`Authority`] judges.
#[derive(Clone, Debug)]
pub struct AuthorityOptions {
    /// True in identity itself, whose tables are the facts and never stale.
    pub owner: bool,
    /// How old the copies may be before writes and sensitive reads are refused.
    pub refuse_after: Duration,
    /// Hours ahead of UTC at which a local day begins (7 in Viet Nam, 8 in China).
    pub utc_offset_hours: i32,
    /// For how long nobody asks whether accounts, grants and units have changed, besides the time their copies take to arrive;
    /// for no time, nothing is remembered of them. The owner remembers nothing.
    pub remember: Duration,
}

impl Default for AuthorityOptions {
    fn default() -> Self {
        AuthorityOptions { owner: false, refuse_after: Duration::from_secs(60), utc_offset_hours: 7, remember: Duration::ZERO }
    }
}

/// Why a caller is not let in at all.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No valid token, or one of an account that may not use it: 401.
    #[error("unauthenticated: {0}")]
    Unauthenticated(String),
    /// The store could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal {
    /// The same for each of several requests.
    fn shared(&self) -> Self {
        match self {
            Refusal::Unauthenticated(why) => Refusal::Unauthenticated(why.clone()),
            Refusal::Store(error) => Refusal::Store(StoreError::Unavailable(error.to_string())),
        }
    }
}

/// What of a request belongs to its author, whoever that is.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The request's id.
    pub request_id: Uuid,
    /// Whether the request waited for something that may have changed what its author holds.
    pub waited: bool,
}

/// Decides who a caller is and what they hold. One per service; cheap to clone.
#[derive(Clone)]
pub struct Authority {
    db: Db,
    clock: Clock,
    options: AuthorityOptions,
    verified: Cache<String, Claims>,
    keys: Cache<String, (String, String)>,
    freshness: Cache<(), Arc<Remembered>>,
    /// What accounts hold, by the state of the copies from which it was read.
    held: Cache<(Holder, i64), Arc<Held>>,
}

/// What may be remembered of what accounts hold, in kB.
const REMEMBERED: u64 = 32 << 10;
/// How long it is remembered at most: somebody may have changed a copy past the triggers that count.
const REMEMBERED_FOR: Duration = Duration::from_secs(300);

impl Authority {
    /// An authority over the copies in `db`.
    #[must_use]
    pub fn new(db: Db, clock: Clock, options: AuthorityOptions) -> Self {
        let verified = Cache::builder().max_capacity(100_000).time_to_live(Duration::from_secs(300)).build();
        let keys = Cache::builder().max_capacity(64).time_to_live(Duration::from_secs(60)).build();
        let freshness = Cache::builder().max_capacity(1).time_to_live(options.remember).build();
        let held = Cache::builder().weigher(|_, held: &Arc<Held>| held.kilobytes()).max_capacity(REMEMBERED).time_to_live(REMEMBERED_FOR).build();
        Authority { db, clock, options, verified, keys, freshness, held }
    }

    /// The same authority, asking over other connections.
    #[must_use]
    pub fn over(&self, db: Db) -> Self {
        Authority { db, ..self.clone() }
    }

    /// The claims of a valid token.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`] for anything but a token of ours that has not expired.
    pub async fn authenticate(&self, bearer: &str) -> Result<Claims, Refusal> {
        let now = self.clock.now();
        if let Some(claims) = self.verified.get(bearer).await {
            return if claims.exp > now.timestamp() { Ok(claims) } else { Err(Refusal::Unauthenticated("expired".into())) };
        }
        let kid = token::key_id(bearer).map_err(|error| Refusal::Unauthenticated(error.to_string()))?;
        let (x, y) = self.key(&kid, now).await?;
        let claims = token::verify(bearer, &x, &y, now).map_err(|error| Refusal::Unauthenticated(error.to_string()))?;
        self.verified.insert(bearer.to_owned(), claims.clone()).await;
        Ok(claims)
    }

    async fn key(&self, kid: &str, now: DateTime<Utc>) -> Result<(String, String), Refusal> {
        if let Some(key) = self.keys.get(kid).await {
            return Ok(key);
        }
        let mut conn = self.db.get().await?;
        let key: Option<(String, String)> = signing_keys::table
            .filter(signing_keys::kid.eq(kid))
            .filter(signing_keys::not_after.gt(now))
            .select((signing_keys::x, signing_keys::y))
            .first(&mut conn)
            .await
            .optional()
            .map_err(StoreError::from)?;
        let key = key.ok_or_else(|| Refusal::Unauthenticated("unknown key".into()))?;
        self.keys.insert(kid.to_owned(), key.clone()).await;
        Ok(key)
    }

    /// Whether authority data have ever arrived here, a key to check tokens with among them; before that a service can
    /// decide nothing.
    ///
    /// # Errors
    /// Only when the database cannot be asked.
    pub async fn has_been_filled(&self, conn: &mut Connection) -> StoreResult<bool> {
        if self.options.owner {
            return Ok(true);
        }
        let filled = diesel::dsl::sql::<sql_types::Bool>("as_of > '-infinity' and exists (select from signing_keys)");
        Ok(authority_freshness::table.select(filled).first(conn).await.optional()?.unwrap_or(false))
    }

    /// What the account of these claims may do now.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`] when the account is unknown here, disabled, or has withdrawn the token.
    pub async fn access(&self, claims: &Claims, caller: Caller) -> Result<Access, Refusal> {
        let holder = Holder { tenant: TenantId::from(claims.tenant), account: AccountId::from(claims.sub), today: self.today() };
        let freshness = self.freshness(caller.waited).await?;
        let held = if self.remembers() {
            // Of many requests that find nothing remembered, one reads.
            self.held.try_get_with((holder, freshness.changes), self.held(holder)).await.map_err(|error| error.shared())?
        } else {
            self.held(holder).await?
        };
        let access = self.judge(&held, freshness, holder, &claims.client_id, caller.request_id)?;
        if access.valid_after.timestamp() > claims.iat {
            return Err(Refusal::Unauthenticated("the token was withdrawn".into()));
        }
        Ok(Access { session: claims.sid, ..access })
    }

    /// What an account may do now, for work that goes on after its request, such as an import.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`] when the account is unknown here or disabled.
    pub async fn access_of(&self, tenant: TenantId, account: AccountId, client: &str, request_id: Uuid) -> Result<Access, Refusal> {
        let holder = Holder { tenant, account, today: self.today() };
        let freshness = self.freshness(true).await?;
        self.judge(&*self.held(holder).await?, freshness, holder, client, request_id)
    }

    fn today(&self) -> NaiveDate {
        local_date(self.clock.now(), self.options.utc_offset_hours)
    }

    fn remembers(&self) -> bool {
        !self.options.owner && !self.options.remember.is_zero()
    }

    /// The state of the copies: now, or a moment ago where that is known. It is read before what an account holds, which so is
    /// of that state or a later one.
    async fn freshness(&self, now: bool) -> Result<Freshness, Refusal> {
        if self.options.owner {
            return Ok(Freshness::OWNER);
        }
        if !self.remembers() {
            return Ok(self.read_freshness().await?.freshness);
        }
        if now {
            let read = self.read_freshness().await?;
            self.remember(read.clone()).await;
            return Ok(read.freshness);
        }
        let remembered = self.freshness.try_get_with((), self.read_freshness()).await.map_err(|error| error.shared())?;
        if remembered.is_due(self.options.remember) {
            self.renew();
        }
        Ok(remembered.freshness)
    }

    /// Reads the state anew while requests go on with the one that is remembered. Where that fails they wait, when it has run
    /// out.
    fn renew(&self) {
        let authority = self.clone();
        tokio::spawn(async move {
            if let Ok(read) = authority.read_freshness().await {
                authority.remember(read).await;
            }
        });
    }

    /// Remembers what has been read, unless another request has read it since.
    async fn remember(&self, read: Arc<Remembered>) {
        let newest = |known: Option<Entry<(), Arc<Remembered>>>| match known.map(Entry::into_value) {
            Some(known) if known.is_newer_than(&read) => known,
            _ => read,
        };
        self.freshness.entry(()).and_upsert_with(|known| ready(newest(known))).await;
    }

    async fn read_freshness(&self) -> Result<Arc<Remembered>, Refusal> {
        let begun = Instant::now();
        Ok(Remembered::of(Freshness::load(&mut *self.db.get().await?).await?, begun))
    }

    async fn held(&self, holder: Holder) -> Result<Arc<Held>, Refusal> {
        let held = Held::load(&mut *self.db.get().await?, holder, self.options.owner).await?;
        held.map(Arc::new).ok_or_else(|| Refusal::Unauthenticated("unknown account".into()))
    }

    fn judge(&self, held: &Held, freshness: Freshness, holder: Holder, client: &str, request_id: Uuid) -> Result<Access, Refusal> {
        if held.status != "active" {
            return Err(Refusal::Unauthenticated("the account is disabled".into()));
        }
        let now = self.clock.now();
        let age = now.signed_duration_since(freshness.as_of);
        Ok(Access {
            tenant: holder.tenant,
            account: holder.account,
            staff: held.staff_id.map(StaffId::from),
            display_name: held.display_name.clone(),
            client: client.to_owned(),
            request_id,
            session: Uuid::nil(),
            now,
            today: holder.today,
            valid_after: held.valid_after,
            roles: held.roles.clone(),
            tenant_roles: held.tenant_roles.clone(),
            class_roles: held.class_roles.clone(),
            reach: held.reach.clone(),
            stale: age > TimeDelta::from_std(self.options.refuse_after).unwrap_or(TimeDelta::MAX),
        })
    }
}

pub(crate) fn local_date(now: DateTime<Utc>, utc_offset_hours: i32) -> NaiveDate {
    match FixedOffset::east_opt(utc_offset_hours.saturating_mul(3600)) {
        Some(offset) => now.with_timezone(&offset).date_naive(),
        None => now.date_naive(),
    }
}
