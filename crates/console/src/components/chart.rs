//! A bar chart of counts, with the same figures as a table behind it.

use askama::{Template, filters::HtmlSafe};
use winserve_domain::contacts::Bucket;

use super::pager::grouped;

/// Height of a bar with its label, in the units of the drawing.
const ROW: usize = 36;
/// Width of the drawing, in tenths.
const WIDTH_TENTHS: i128 = 3200;

/// Bars from top to bottom; labels and figures stand beside them, so that nothing depends on color.
#[derive(Template)]
#[template(path = "components/chart.html")]
pub(crate) struct Chart {
    id: &'static str,
    title: &'static str,
    bars: Vec<Bar>,
    height: usize,
}

impl HtmlSafe for Chart {}

struct Bar {
    label: String,
    count: String,
    percent: String,
    /// Where the baseline of its label is.
    baseline: usize,
    /// Where its upper edge is.
    top: usize,
    width: String,
}

impl Chart {
    /// A chart of a district's buckets; `id` is unique on the page.
    pub(crate) fn new(id: &'static str, title: &'static str, mut buckets: Vec<Bucket>) -> Self {
        buckets.sort_by_key(|bucket| place(&bucket.label));
        let largest = buckets.iter().map(|bucket| bucket.count).max().unwrap_or_default().max(1);
        let height = ROW * buckets.len();
        let bars = buckets.into_iter().enumerate();
        let bars = bars.map(|(row, bucket)| Bar::new(row, bucket, largest)).collect();
        Self { id, title, bars, height }
    }
}

impl Bar {
    fn new(row: usize, Bucket { label, count, percent }: Bucket, largest: i64) -> Self {
        let tenths = i128::from(count.max(0)) * WIDTH_TENTHS / i128::from(largest);
        Self {
            label,
            count: grouped(count.unsigned_abs()),
            percent: percent.as_f64().map_or_else(|| percent.to_string(), |it| format!("{it:.1}")),
            baseline: row * ROW + 15,
            top: row * ROW + 21,
            width: format!("{}.{}", tenths / 10, tenths % 10),
        }
    }
}

/// The order of answers that are no numbers.
const ANSWERS: [&str; 9] = [
    "Yes",
    "Likely",
    "No",
    "None",
    "High School Diploma",
    "Technical School",
    "Some College",
    "College Degree",
    "Graduate Degree",
];

/// Where a bar belongs: people-api guarantees no order (upstreams §6.4). Numbers ascend, `Unknown` is
/// last.
fn place(label: &str) -> (bool, usize, u32) {
    let answer = ANSWERS.iter().position(|answer| *answer == label);
    let digits = label.chars().skip_while(|letter| !letter.is_ascii_digit());
    let digits: String = digits.take_while(char::is_ascii_digit).collect();
    let is_unknown = label.eq_ignore_ascii_case("unknown");
    (is_unknown, answer.unwrap_or(ANSWERS.len()), digits.parse().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(labels: &[(&str, i64)]) -> Chart {
        let bucket = |(label, count): &(&str, i64)| Bucket {
            label: (*label).to_owned(),
            count: *count,
            percent: 10.into(),
        };
        Chart::new("age", "Age", labels.iter().map(bucket).collect())
    }

    #[test]
    fn bars_are_in_the_order_of_what_they_count() {
        let order = |labels: &[&str]| {
            let buckets: Vec<_> = labels.iter().map(|label| (*label, 1)).collect();
            chart(&buckets).bars.into_iter().map(|bar| bar.label).collect::<Vec<_>>()
        };
        assert_eq!(
            order(&["$100k–$125k", "Unknown", "$250k+", "$1k–$15k"]),
            ["$1k–$15k", "$100k–$125k", "$250k+", "Unknown"]
        );
        assert_eq!(order(&["Unknown", "No", "Yes", "Likely"]), ["Yes", "Likely", "No", "Unknown"]);
        assert_eq!(
            order(&["Graduate Degree", "Some College", "High School Diploma"]),
            ["High School Diploma", "Some College", "Graduate Degree"]
        );
    }

    #[test]
    fn the_largest_bar_fills_the_drawing() {
        let chart = chart(&[("18-25", 50), ("26-35", 200), ("51+", 0)]);
        let widths: Vec<_> = chart.bars.iter().map(|bar| bar.width.as_str()).collect();
        assert_eq!(widths, ["80.0", "320.0", "0.0"]);
    }

    #[test]
    fn it_says_its_figures_to_those_who_do_not_see_it() {
        let html = chart(&[("18-25", 1200)]).render().unwrap();
        assert!(html.contains("role=\"img\"") && html.contains("1,200"), "{html}");
        assert!(html.contains("<details") && html.contains("<table"), "{html}");
    }
}
