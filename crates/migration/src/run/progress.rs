//! Shows the progress of a run on standard error: a bar on a terminal, otherwise a line every ten
//! seconds.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use crate::{
    run::runner::Observer,
    sql::{Job, Progress},
};
use indicatif::{ProgressBar, ProgressStyle};

const BAR_EVERY: Duration = Duration::from_millis(500);
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Selects the display for standard error.
#[must_use]
pub fn on_standard_error() -> Box<dyn Observer> {
    if io::stderr().is_terminal() {
        Box::new(Bar { bar: ProgressBar::hidden(), shown: None })
    } else {
        Box::new(Lines { job: "", total: None, before: 0, began: Instant::now(), shown: None })
    }
}

/// Whether to show the progress again.
fn is_due(shown: &mut Option<Instant>, every: Duration) -> bool {
    let is_due = shown.is_none_or(|shown| shown.elapsed() >= every);
    if is_due {
        *shown = Some(Instant::now());
    }
    is_due
}

struct Bar {
    bar: ProgressBar,
    shown: Option<Instant>,
}

impl Observer for Bar {
    fn begin(&mut self, job: Job, done: Progress) {
        self.bar = ProgressBar::no_length().with_position(rows(done).unsigned_abs());
        // The template is a literal; if it were invalid, the bar would be plain.
        if let Ok(style) = ProgressStyle::with_template(
            "{msg} {wide_bar} {human_pos}/{human_len} {percent}%  {per_sec}, {eta} left",
        ) {
            self.bar.set_style(style);
        }
        self.bar.set_message(job.name);
        // The work of an earlier command says nothing about the speed of this one.
        self.bar.reset_eta();
    }

    fn total(&mut self, rows: i64) {
        self.bar.set_length(u64::try_from(rows).unwrap_or_default());
    }

    fn tick(&mut self, progress: &mut dyn FnMut() -> Option<Progress>) {
        if is_due(&mut self.shown, BAR_EVERY)
            && let Some(done) = progress()
        {
            self.bar.set_position(rows(done).unsigned_abs());
        }
    }

    fn end(&mut self) {
        self.bar.finish_and_clear();
    }
}

struct Lines {
    job: &'static str,
    total: Option<i64>,
    /// Rows that an earlier command did.
    before: i64,
    began: Instant,
    shown: Option<Instant>,
}

impl Observer for Lines {
    fn begin(&mut self, job: Job, done: Progress) {
        let now = Instant::now();
        let (job, before) = (job.name, rows(done));
        *self = Self { job, total: None, before, began: now, shown: Some(now) };
    }

    fn total(&mut self, rows: i64) {
        self.total = Some(rows);
    }

    fn tick(&mut self, progress: &mut dyn FnMut() -> Option<Progress>) {
        if is_due(&mut self.shown, LINE_EVERY)
            && let Some(done) = progress()
        {
            let line = line(self.job, done, self.before, self.total, self.began.elapsed());
            // Not `eprintln!`, which panics if standard error is closed.
            let _unread = writeln!(io::stderr(), "{line}");
        }
    }

    fn end(&mut self) {}
}

/// Rows that are done.
fn rows(done: Progress) -> i64 {
    (done.examined - done.skipped).max(0)
}

fn line(job: &str, done: Progress, before: i64, total: Option<i64>, elapsed: Duration) -> String {
    let rows = rows(done);
    let seconds = i64::try_from(elapsed.as_secs().max(1)).unwrap_or(i64::MAX);
    let rate = (rows - before) / seconds;
    let of_total = total.map_or(String::new(), |total| {
        let left = (total - rows).max(0).checked_div(rate);
        let eta = left.map_or_else(|| "unknown".to_owned(), |left| format!("{left}s"));
        format!(" of={total} eta={eta}")
    });
    let Progress { skipped, quarantined, refused, .. } = done;
    format!(
        "job={job} rows={rows}{of_total} rate={rate}/s skipped={skipped} quarantined={quarantined} refused={refused}"
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::line;
    use crate::Progress;

    #[test]
    fn a_line_tells_rows_rate_and_time_left() {
        let done =
            Progress { examined: 4_200, skipped: 200, quarantined: 7, ..Progress::default() };
        assert_eq!(
            line("campaigns", done, 0, Some(10_000), Duration::from_secs(20)),
            "job=campaigns rows=4000 of=10000 eta=30s rate=200/s skipped=200 quarantined=7 refused=0"
        );
        assert_eq!(
            line("positions", Progress::default(), 0, Some(5), Duration::ZERO),
            "job=positions rows=0 of=5 eta=unknown rate=0/s skipped=0 quarantined=0 refused=0"
        );
    }

    #[test]
    fn what_an_earlier_command_did_is_no_part_of_the_rate() {
        let done = Progress { examined: 9_000, ..Progress::default() };
        assert_eq!(
            line("campaigns", done, 8_000, Some(10_000), Duration::from_secs(10)),
            "job=campaigns rows=9000 of=10000 eta=10s rate=100/s skipped=0 quarantined=0 refused=0"
        );
    }
}
