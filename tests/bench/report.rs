//! What `bench run` says: a table for each case, in Markdown, and the picture for the README.

use std::fmt::Write;

use crate::row::{Case, Row};

/// Cases whose rows are in the picture.
const PICTURED: &str = "get, hit (";

/// Prints all cases.
pub(crate) fn tables(cases: &[Case]) {
    for case in cases {
        let (ours, others) = case.rows.split_first().expect("a case has rows");
        println!("### {}\n", case.name);
        println!(
            "| program | median, ms | keyfob is × of it: median (quartiles) | wanted |\n|---|---:|---:|---|"
        );
        let median = quantile(times(ours), 0.5);
        let bar = ours
            .bar
            .map_or(String::new(), |bar| format!("≤ {} ms: {}", milliseconds(bar), verdict(median <= bar)));
        println!("| {} | {} | | {bar} |", ours.name, milliseconds(median));
        for other in others {
            let ratios = || pairs(ours, other);
            let [low, middle, high] = [0.25, 0.5, 0.75].map(|at| quantile(ratios(), at));
            let bar = other
                .bar
                .map_or(String::new(), |bar| format!("≤ {}: {}", ratio(bar), verdict(middle <= bar)));
            let all = format!("{} ({} – {})", ratio(middle), ratio(low), ratio(high));
            println!("| {} | {} | {all} | {bar} |", other.name, milliseconds(quantile(times(other), 0.5)));
        }
        println!();
    }
}

/// Median times of the answers from one stored token, as bars whose length is the logarithm of the time.
pub(crate) fn picture(cases: &[Case]) -> String {
    let mut rows: Vec<(&str, f64)> = Vec::new();
    for row in cases.iter().filter(|case| case.name.starts_with(PICTURED)).flat_map(|case| &case.rows) {
        // A peer that stands in several cases is shown once.
        if rows.iter().all(|(name, _)| *name != row.name) {
            rows.push((&row.name, quantile(times(row), 0.5)));
        }
    }
    rows.sort_by(|one, other| one.1.total_cmp(&other.1));
    let (left, width, line, top) = (270.0, 390.0, 24.0, 34.0);
    let smallest = rows.iter().map(|row| row.1).fold(f64::INFINITY, f64::min);
    let largest = rows.iter().map(|row| row.1).fold(0.0, f64::max);
    let decades = (smallest.log10().floor(), (largest.log10() + 0.1).ceil());
    let at = |time: f64| left + width * (time.log10() - decades.0) / (decades.1 - decades.0);
    let bottom = top + line * rows.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" height=\"{h}\" viewBox=\"0 0 760 {h}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\" role=\"img\">\n\
         <title>Time of one answer from one stored token, in milliseconds, on a logarithmic scale</title>\n\
         <style>text {{ fill: #24292f }} .axis {{ stroke: #8c959f }} .peer {{ fill: #8c959f }} .ours {{ fill: #2f81f7 }}\n\
         @media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} }}</style>\n\
         <text x=\"8\" y=\"18\" font-weight=\"bold\">one answer from one stored token: milliseconds, logarithmic; shorter is better</text>\n",
        h = bottom + 34.0
    );
    let mut decade = decades.0;
    while decade <= decades.1 {
        let (time, x) = (10_f64.powf(decade), at(10_f64.powf(decade)));
        let _ = writeln!(
            svg,
            "<line class=\"axis\" x1=\"{x:.1}\" y1=\"{top}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke-dasharray=\"2 3\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{time}</text>",
            bottom + 18.0
        );
        decade += 1.0;
    }
    for (number, (name, time)) in rows.iter().enumerate() {
        let y = top + line * number as f64;
        let class = if name.starts_with("keyfob") { "ours" } else { "peer" };
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <rect class=\"{class}\" x=\"{left}\" y=\"{:.1}\" width=\"{:.1}\" height=\"14\" rx=\"2\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            left - 8.0,
            y + 17.0,
            name.replace('&', "&amp;").replace('<', "&lt;"),
            y + 6.0,
            at(*time) - left,
            at(*time) + 6.0,
            y + 17.0,
            milliseconds(*time)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn times(row: &Row) -> impl Iterator<Item = f64> + '_ {
    row.times.iter().map(|(_, time)| *time)
}

/// The ratios of the rounds in which both took part.
fn pairs<'a>(ours: &'a Row, other: &'a Row) -> impl Iterator<Item = f64> + 'a {
    let of = |round: usize| ours.times.iter().find(move |(same, _)| *same == round);
    other.times.iter().filter_map(move |(round, time)| of(*round).map(|(_, ours)| ours / time))
}

fn quantile(values: impl Iterator<Item = f64>, at: f64) -> f64 {
    let mut values: Vec<f64> = values.collect();
    assert!(!values.is_empty(), "a row without a round that counts");
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * at).round() as usize]
}

fn verdict(holds: bool) -> &'static str {
    if holds { "holds" } else { "**missed**" }
}

/// Three digits that mean something.
fn milliseconds(time: f64) -> String {
    if time < 10.0 { format!("{time:.2}") } else { format!("{time:.0}") }
}

fn ratio(value: f64) -> String {
    if value < 0.1 { format!("{value:.4}") } else { format!("{value:.2}") }
}
