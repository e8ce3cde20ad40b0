//! Shows on standard error how a run fares: a bar on a terminal, else a line every ten seconds.

use std::{
    io::IsTerminal as _,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use winserve_persistence::backfill::{Job, Progress};

use crate::runner::Observer;

const BAR_EVERY: Duration = Duration::from_millis(500);
const LINE_EVERY: Duration = Duration::from_secs(10);

/// What suits standard error.
#[must_use]
pub fn on_standard_error() -> Box<dyn Observer> {
    if std::io::stderr().is_terminal() {
        Box::new(Bar { bar: ProgressBar::hidden(), shown: None })
    } else {
        Box::new(Lines { job: "", total: None, began: Instant::now(), shown: None })
    }
}

/// Whether something is to be shown again.
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
    fn begin(&mut self, job: Job) {
        self.bar = ProgressBar::no_length();
        // The template is a literal; without it the bar is plain.
        if let Ok(style) = ProgressStyle::with_template(
            "{msg} {wide_bar} {human_pos}/{human_len} {percent}%  {per_sec}, {eta} left",
        ) {
            self.bar.set_style(style);
        }
        self.bar.set_message(job.as_str());
    }

    fn total(&mut self, rows: i64) {
        self.bar.set_length(u64::try_from(rows).unwrap_or_default());
    }

    fn tick(&mut self, progress: &mut dyn FnMut() -> Option<Progress>) {
        if is_due(&mut self.shown, BAR_EVERY)
            && let Some(done) = progress()
        {
            let rows = done.examined - done.skipped;
            self.bar.set_position(u64::try_from(rows).unwrap_or_default());
        }
    }

    fn end(&mut self) {
        self.bar.finish_and_clear();
    }
}

struct Lines {
    job: &'static str,
    total: Option<i64>,
    began: Instant,
    shown: Option<Instant>,
}

impl Observer for Lines {
    fn begin(&mut self, job: Job) {
        let now = Instant::now();
        *self = Self { job: job.as_str(), total: None, began: now, shown: Some(now) };
    }

    fn total(&mut self, rows: i64) {
        self.total = Some(rows);
    }

    fn tick(&mut self, progress: &mut dyn FnMut() -> Option<Progress>) {
        if is_due(&mut self.shown, LINE_EVERY)
            && let Some(done) = progress()
        {
            eprintln!("{}", line(self.job, done, self.total, self.began.elapsed()));
        }
    }

    fn end(&mut self) {}
}

fn line(job: &str, done: Progress, total: Option<i64>, elapsed: Duration) -> String {
    let rows = done.examined - done.skipped;
    let seconds = i64::try_from(elapsed.as_secs().max(1)).unwrap_or(i64::MAX);
    let rate = rows / seconds;
    let of_total = total.map_or(String::new(), |total| {
        let left = (total - rows).max(0).checked_div(rate).unwrap_or_default();
        format!(" of={total} eta={left}s")
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
            line("campaigns", done, Some(10_000), Duration::from_secs(20)),
            "job=campaigns rows=4000 of=10000 eta=30s rate=200/s skipped=200 quarantined=7 refused=0"
        );
        assert_eq!(
            line("positions", Progress::default(), Some(5), Duration::ZERO),
            "job=positions rows=0 of=5 eta=0s rate=0/s skipped=0 quarantined=0 refused=0"
        );
    }
}
