//! What the reader sees.

#![allow(clippy::print_stdout, reason = "it talks to its reader")]

/// Figures of the same subjects, column by column.
#[derive(Debug)]
pub(crate) struct Table {
    title: String,
    labels: Vec<String>,
    columns: Vec<(String, Vec<String>)>,
}

impl Table {
    pub(crate) fn new<L: Into<String>>(title: &str, labels: impl IntoIterator<Item = L>) -> Self {
        let labels = labels.into_iter().map(Into::into).collect();
        Self { title: title.to_owned(), labels, columns: Vec::new() }
    }

    /// Adds a column of ratios.
    pub(crate) fn ratios(&mut self, head: &str, figures: &[f64]) {
        self.column(head, figures.iter().map(|figure| format!("{figure:.2}")).collect());
    }

    /// Adds a column of numbers of one digit or two.
    pub(crate) fn tenths(&mut self, head: &str, figures: &[f64]) {
        self.column(head, figures.iter().map(|figure| format!("{figure:.1}")).collect());
    }

    /// Adds a column of numbers.
    pub(crate) fn numbers(&mut self, head: &str, figures: &[f64]) {
        self.column(head, figures.iter().map(|figure| format!("{figure:.0}")).collect());
    }

    fn column(&mut self, head: &str, figures: Vec<String>) {
        assert_eq!(figures.len(), self.labels.len());
        self.columns.push((head.to_owned(), figures));
    }

    pub(crate) fn print(&self) {
        let width = |texts: &[String]| texts.iter().map(|text| text.chars().count()).max();
        let first = width(&self.labels).unwrap_or(0);
        println!("\n{}\n", self.title);
        print!("  {:first$}", "");
        for (head, figures) in &self.columns {
            let width = width(figures).unwrap_or(0).max(head.chars().count());
            print!("  {head:>width$}");
        }
        println!();
        for (place, label) in self.labels.iter().enumerate() {
            print!("  {label:first$}");
            for (head, figures) in &self.columns {
                let width = width(figures).unwrap_or(0).max(head.chars().count());
                print!("  {:>width$}", figures[place]);
            }
            println!();
        }
    }
}
