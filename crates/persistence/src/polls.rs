//! Polls: tables of the old service, the same in every phase.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::{dsl::exists, pg::Pg, prelude::*};
use winserve_domain::{
    base::{ElectedOfficeId, PollId, StoreError},
    polls::{Confidence, Poll, Polls},
};

use crate::{
    error::{inconsistent_key, store_error},
    schema::poll,
    users::PgEnum,
};

pub(crate) struct PgPolls<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = poll, check_for_backend(Pg))]
struct PollRow {
    id: String,
    name: String,
    message_content: String,
    image_url: Option<String>,
    target_audience_size: i32,
    response_count: Option<i32>,
    confidence: Option<PgEnum>,
    scheduled_date: NaiveDateTime,
    estimated_completion_date: NaiveDateTime,
    completed_date: Option<NaiveDateTime>,
    is_completed: bool,
    elected_office_id: Option<String>,
}

impl TryFrom<PollRow> for Poll {
    type Error = StoreError;

    fn try_from(row: PollRow) -> Result<Self, StoreError> {
        let confidence = match row.confidence.as_ref().map(|PgEnum(label)| label.as_str()) {
            None => None,
            Some("LOW") => Some(Confidence::Low),
            Some("HIGH") => Some(Confidence::High),
            Some(_) => return Err(inconsistent_key("poll", &row.id, "an unknown confidence")),
        };
        Ok(Self {
            id: PollId(row.id),
            office: row.elected_office_id.map(ElectedOfficeId),
            name: row.name,
            message: row.message_content,
            image_url: row.image_url,
            audience_size: row.target_audience_size,
            response_count: row.response_count,
            confidence,
            scheduled_at: row.scheduled_date.and_utc(),
            estimated_completion_at: row.estimated_completion_date.and_utc(),
            completed_at: row.completed_date.map(|at| at.and_utc()),
            is_completed: row.is_completed,
        })
    }
}

impl Polls for PgPolls<'_> {
    fn find(&mut self, id: &PollId) -> Result<Option<Poll>, StoreError> {
        let row: Option<PollRow> = poll::table
            .find(&id.0)
            .select(PollRow::as_select())
            .first(self.connection)
            .optional()
            .map_err(store_error)?;
        row.map(Poll::try_from).transpose()
    }

    fn list(
        &mut self,
        of: &ElectedOfficeId,
        from: Option<&PollId>,
        limit: i64,
    ) -> Result<Vec<Poll>, StoreError> {
        let mut query = poll::table
            .filter(poll::elected_office_id.eq(&of.0))
            .order(poll::id)
            .limit(limit)
            .select(PollRow::as_select())
            .into_boxed();
        if let Some(from) = from {
            query = query.filter(poll::id.ge(&from.0));
        }
        let rows: Vec<PollRow> = query.load(self.connection).map_err(store_error)?;
        rows.into_iter().map(Poll::try_from).collect()
    }

    fn exist(&mut self, of: &ElectedOfficeId) -> Result<bool, StoreError> {
        diesel::select(exists(poll::table.filter(poll::elected_office_id.eq(&of.0))))
            .get_result(self.connection)
            .map_err(store_error)
    }

    fn insert(&mut self, new: &Poll, now: DateTime<Utc>) -> Result<(), StoreError> {
        // The old service writes responses and confidence.
        diesel::insert_into(poll::table)
            .values((
                poll::id.eq(&new.id.0),
                poll::name.eq(&new.name),
                poll::message_content.eq(&new.message),
                poll::image_url.eq(&new.image_url),
                poll::target_audience_size.eq(new.audience_size),
                poll::scheduled_date.eq(new.scheduled_at.naive_utc()),
                poll::estimated_completion_date.eq(new.estimated_completion_at.naive_utc()),
                poll::is_completed.eq(new.is_completed),
                poll::elected_office_id.eq(new.office.as_ref().map(|office| &office.0)),
                poll::created_at.eq(now.naive_utc()),
                poll::updated_at.eq(now.naive_utc()),
            ))
            .execute(self.connection)
            .map(drop)
            .map_err(store_error)
    }
}
