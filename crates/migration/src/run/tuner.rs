//! Batch size: as many rows as can be written within the time that a live user may wait.

use std::time::Duration;

const FEWEST: f64 = 20.0;
const MOST: f64 = 10_000.0;
/// Weight of the latest measurement.
const WEIGHT: f64 = 0.3;

/// Follows the duration of batches.
#[derive(Debug)]
pub(crate) struct Tuner {
    rows: f64,
    /// Smoothed seconds.
    seconds: Option<f64>,
    /// Target duration of the transaction that publishes a batch.
    target: Duration,
}

impl Tuner {
    pub(crate) fn new(rows: i32, target: Duration) -> Self {
        Self { rows: f64::from(rows), seconds: None, target }
    }

    /// Records a batch; returns the size of the next one if it differs.
    pub(crate) fn observe(&mut self, examined: i32, took: Duration) -> Option<i32> {
        let before = self.rows;
        let share = f64::from(examined) / self.rows;
        let target = self.target.as_secs_f64();
        let took = took.as_secs_f64();
        if took > 5.0 * target {
            // Too long for live users: react immediately.
            self.rows /= 2.0;
            self.seconds = None;
        } else {
            let smoothed = self.seconds.map_or(took, |past| past + WEIGHT * (took - past));
            self.seconds = Some(smoothed);
            let factor = (target / smoothed.max(1e-6)).clamp(0.5, 1.3);
            // A batch of a few rows says nothing about a full one.
            if factor < 1.0 || share >= 0.9 {
                self.rows *= factor;
            }
        }
        self.rows = self.rows.clamp(FEWEST, MOST);
        let rounded = |rows: f64| format!("{rows:.0}").parse::<i32>().ok();
        (rounded(before) != rounded(self.rows)).then(|| rounded(self.rows)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Tuner;

    const TARGET: Duration = Duration::from_millis(100);

    /// Sizes after each of several batches, if a row takes this long.
    fn sizes(row: Duration, batches: usize) -> Vec<i32> {
        let (mut tuner, mut size) = (Tuner::new(500, TARGET), 500);
        (0..batches)
            .map(|_| {
                size = tuner.observe(size, row * u32::try_from(size).unwrap()).unwrap_or(size);
                size
            })
            .collect()
    }

    #[test]
    fn batches_grow_to_a_tenth_of_a_second_within_ten() {
        let rows = sizes(Duration::from_micros(50), 20);
        assert!((1_600..=2_600).contains(&rows[9]), "{rows:?}");
        assert!((1_700..=2_300).contains(&rows[19]), "{rows:?}");
    }

    #[test]
    fn a_batch_that_takes_far_too_long_halves_the_next_at_once() {
        assert_eq!(sizes(Duration::from_millis(2), 1), [250]);
        assert_eq!(
            *sizes(Duration::from_millis(20), 8).last().unwrap(),
            20,
            "but not below twenty"
        );
    }

    #[test]
    fn a_nearly_empty_batch_is_no_reason_to_grow() {
        let mut tuner = Tuner::new(500, TARGET);
        assert_eq!(tuner.observe(3, Duration::from_millis(1)), None);
    }

    #[test]
    fn it_never_grows_beyond_ten_thousand() {
        assert_eq!(*sizes(Duration::from_nanos(10), 40).last().unwrap(), 10_000);
    }
}
