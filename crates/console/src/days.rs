//! Days as people read and type them.

use chrono::NaiveDate;

/// A day as people read it.
pub(crate) fn shown(day: NaiveDate) -> String {
    day.format("%-d %b %Y").to_string()
}

/// A day as a date field holds it.
pub(crate) fn field_value(day: Option<NaiveDate>) -> String {
    day.map(|day| day.to_string()).unwrap_or_default()
}

/// A typed day; browsers send dates as `2026-11-03`, and people without a date picker may type something else.
pub(crate) fn typed(text: Option<&str>) -> Result<Option<NaiveDate>, &'static str> {
    let Some(text) = text else { return Ok(None) };
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    day.map(Some).ok_or("Enter a day as year, month and day, such as 2026-11-03")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_as_date_fields_write_it() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 3);
        assert_eq!(typed(Some("2026-11-03")), Ok(day));
        assert_eq!(typed(None), Ok(None));
        assert!(typed(Some("11/03/2026")).is_err());
        assert_eq!(day.map(shown).as_deref(), Some("3 Nov 2026"));
    }
}
