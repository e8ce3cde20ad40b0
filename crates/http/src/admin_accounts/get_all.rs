//! `GET /v1/admin/accounts`: which accounts have an e-mail address, and why a first login with it is refused.

use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::{
    base::StoreError,
    users::{self, Account, AccountsError, SignInStanding},
};

use crate::{
    AppState,
    auth::Staff,
    error::ApiError,
    openapi::{Errors, refuses},
    parameters::Query,
};

#[derive(Serialize, ToSchema)]
#[schema(as = AccountList)]
struct Answer {
    accounts: Vec<AccountAnswer>,
}

/// An account with the address.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Account)]
struct AccountAnswer {
    id: i32,
    email: String,
    /// The address before the first unverified change.
    proven_email: Option<String>,
    clerk_id: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    sign_in: SignIn,
}

/// What a first Clerk login with the address would find. If there are several accounts, it is refused, unless
/// one of them is linked with that Clerk user.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum SignIn {
    /// The account is linked with a Clerk user.
    Linked,
    /// The login links the account.
    Ready,
    /// The address was changed, and the new one is unverified: the login is refused.
    EmailUnproven,
    /// Several accounts have the address: the login is refused.
    SeveralAccounts,
}

impl SignIn {
    const fn of(account: &Account, accounts: usize) -> Self {
        match account.standing() {
            SignInStanding::Linked => Self::Linked,
            _ if accounts > 1 => Self::SeveralAccounts,
            SignInStanding::Ready => Self::Ready,
            SignInStanding::EmailUnproven => Self::EmailUnproven,
        }
    }
}

/// Lists the accounts with an e-mail address, in any case, for staff.
#[utoipa::path(
    get,
    path = "/v1/admin/accounts",
    tag = "Users",
    security(("session" = []), ("cookie" = [])),
    params(("email" = String, Query, description = "The whole address, in any case")),
    responses(
        (status = 200, description = "The accounts, by id", body = Answer),
        Errors<(Staff, Query, AccountsError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: Staff,
    query: Query,
) -> Result<Json<impl Serialize>, ApiError> {
    let email = query.read_only(&["email"], |query| query.required_text("email"))?;
    let accounts = users::find_accounts(&state.ports, email.trim().to_owned()).await?;
    let count = accounts.len();
    let accounts = accounts.into_iter().map(|account| AccountAnswer::new(account, count)).collect();
    Ok(Json(Answer { accounts }))
}

impl AccountAnswer {
    fn new(account: Account, accounts: usize) -> Self {
        let sign_in = SignIn::of(&account, accounts);
        let Account { user, clerk_id, proven_email } = account;
        Self {
            id: user.id.0,
            email: user.email,
            proven_email,
            clerk_id: clerk_id.map(|id| id.to_string()),
            first_name: user.first_name,
            last_name: user.last_name,
            sign_in,
        }
    }
}

impl From<AccountsError> for ApiError {
    fn from(error: AccountsError) -> Self {
        match error {
            AccountsError::Store(error) => error.into(),
        }
    }
}

refuses!(AccountsError: NotMigrated; StoreError);
