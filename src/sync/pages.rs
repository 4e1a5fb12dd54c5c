//! Which page of an answer comes next: pure. Rows come and go while pages are read; none may slip from one page to the next.

use std::collections::BTreeSet;

use chrono::{NaiveDateTime, TimeDelta};
use xxhash_rust::xxh3::xxh3_64;

use crate::streams::{Page, Paging};

/// How often pages are read again from the first, because the list moved meanwhile.
const MAX_RUNS: u32 = 3;
/// Rows before a page of [`Paging::Offset`]: Awin refuses to pass over more.
const MAX_OFFSET: u32 = 10_000;

/// What one answer showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// Its rows.
    pub(super) rows: u64,
    /// Tells answers with other rows apart.
    pub(super) digest: u64,
    /// The rows of all pages, and the pages, where Awin counts them.
    pub(super) all_rows: Option<u64>,
    pub(super) all_pages: Option<u64>,
    /// Hashes of its rows, in their order, where there may be more pages: of their keys where a list is read from its newest row.
    pub(super) keys: Vec<u64>,
    /// Whether its last row is older than anything that is asked for.
    pub(super) is_past: bool,
    /// What the next page is asked for by, where Awin names it.
    pub(super) next_token: Option<String>,
    /// When the period began that it is of, where it is of one.
    pub(super) start: Option<NaiveDateTime>,
}

/// What comes after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    /// That page.
    Page(Page),
    /// Nothing: that was all.
    End,
    /// Nothing: Awin shows no more of it, though there is more.
    Cut,
    /// The pages cannot be right.
    Wrong(String),
}

/// What is said of a list that Awin does not show to its end.
pub(super) fn cut_off(stream: &str) -> String {
    format!("Awin shows no more of a list than its first 10,000 rows: older rows of `{stream}` are missing.")
}

/// The pages of a slice, as far as they were read.
#[derive(Debug)]
pub(super) struct Pages {
    paging: Paging,
    /// The page that is read.
    page: Page,
    /// Its number, from 1.
    number: u32,
    /// The moment from which on periods are asked for.
    from: Option<NaiveDateTime>,
    runs: u32,
    /// Rows of this run.
    rows: u64,
    /// Hashes of its rows, or of the names of its pages.
    seen: BTreeSet<u64>,
    last: Option<Shown>,
    /// What the first page said.
    all_rows: Option<u64>,
    count: Option<u64>,
}

impl Pages {
    /// The pages of a slice; of periods, those that hold at `from` or later.
    pub(super) fn new(paging: Paging, from: Option<NaiveDateTime>) -> Self {
        let (page, number, runs, rows) = (Page::FIRST, 1, 1, 0);
        Self { paging, page, number, from, runs, rows, seen: BTreeSet::new(), last: None, all_rows: None, count: None }
    }

    /// The page that is read.
    pub(super) fn page(&self) -> Page {
        self.page.clone()
    }

    /// Whether a refusal of the page is the end: before the first period there is none.
    pub(super) fn may_be_refused(&self) -> bool {
        matches!(self.page, Page::At(_))
    }

    /// What comes after the answer that `shown` describes.
    pub(super) fn turn(&mut self, shown: Shown) -> Turn {
        match self.paging {
            Paging::None => Turn::End,
            Paging::Periods => self.period(shown),
            Paging::Numbered(size) => self.numbered(size, shown),
            Paging::Offset(size) => self.by_offset(size, shown),
        }
    }

    fn again(&mut self) -> Turn {
        *self = Self { runs: self.runs + 1, ..Self::new(self.paging, self.from) };
        Turn::Page(Page::FIRST)
    }

    fn next(&mut self, page: Page, shown: Shown) -> Turn {
        self.number += 1;
        self.page = page.clone();
        self.last = Some(shown);
        Turn::Page(page)
    }

    /// Before a period comes the one that held a second before its start. In which zone starts are written is not known: where that
    /// is still the same period, a day before it is another.
    fn period(&mut self, shown: Shown) -> Turn {
        let Some(start) = shown.start.filter(|start| self.from.is_some_and(|from| *start > from)) else { return Turn::End };
        let last = self.last.as_ref().and_then(|last| last.start);
        let is_same = last.is_some_and(|last| last <= start);
        let back = if is_same { TimeDelta::days(1) } else { TimeDelta::seconds(1) };
        let moment = start - back;
        if is_same && matches!(self.page, Page::At(asked) if asked <= moment) {
            return Turn::End;
        }
        self.next(Page::At(moment), shown)
    }

    fn numbered(&mut self, size: u32, shown: Shown) -> Turn {
        if self.number > 1 && shown.all_rows.is_some() && self.all_rows != shown.all_rows {
            if self.runs == MAX_RUNS {
                return Turn::Wrong(format!("the number of its rows changed {MAX_RUNS} times while its pages were read"));
            }
            return self.again();
        }
        if self.number == 1 {
            (self.all_rows, self.count) = (shown.all_rows, shown.all_pages);
        }
        self.rows += shown.rows;
        // A row of an earlier page has pushed another one from a page that was still to come to one that was read.
        let has_moved = shown.keys.iter().any(|key| self.seen.contains(key));
        self.seen.extend(&shown.keys);
        // The same page again: Awin does not turn pages.
        let is_turned = self.last.as_ref().is_none_or(|last| last.digest != shown.digest);
        let more = match (self.count, self.all_rows) {
            (Some(pages), _) => u64::from(self.number) < pages && shown.rows > 0,
            (None, Some(all)) => self.rows < all && shown.rows > 0,
            // A list: of one page's length, there may be another; longer, Awin knows no pages here.
            (None, None) => shown.rows == u64::from(size),
        };
        if has_moved && is_turned {
            if self.runs == MAX_RUNS {
                return Turn::Wrong(format!("its rows moved from page to page {MAX_RUNS} times while they were read"));
            }
            return self.again();
        }
        if more && is_turned {
            return self.next(Page::Number(self.number + 1), shown);
        }
        match self.all_rows {
            Some(_) if !is_turned => Turn::Wrong(format!("page {} is the page before it once more", self.number)),
            Some(all) if self.rows < all => {
                Turn::Wrong(format!("its pages hold {} rows, and Awin says there are {all}", self.rows))
            }
            _ => Turn::End,
        }
    }

    /// A page must begin with the last row of the one before. If that row stands further down, rows came on top of the list; if it
    /// is not there, rows have gone from it, and others may have slipped past. Either way one that moved may be missing.
    fn by_offset(&mut self, size: u32, mut shown: Shown) -> Turn {
        if shown.next_token.is_some() || matches!(self.page, Page::Token(_)) {
            return self.by_token(shown.next_token.take().filter(|_| !shown.is_past), shown);
        }
        if let Some(last) = &self.last {
            if last.keys == shown.keys && shown.keys.len() > 1 {
                // Of a list that is not as long as a page, Awin knows no pages.
                let is_short = shown.rows < u64::from(size);
                let wrong = format!("page {} is the page before it once more", self.number);
                return if is_short { Turn::End } else { Turn::Wrong(wrong) };
            }
            let anchor = last.keys.last().and_then(|key| shown.keys.iter().position(|known| known == key));
            if anchor != Some(0) {
                if self.runs < MAX_RUNS {
                    return self.again();
                }
                if anchor.is_none() {
                    return Turn::Wrong(format!("the list moved {MAX_RUNS} times while its pages were read"));
                }
            }
        }
        if shown.is_past || !may_be_full(shown.rows, size) {
            return Turn::End;
        }
        let before = if let Page::After(rows) = self.page { rows } else { 0 };
        let after = before.saturating_add(u32::try_from(shown.rows).unwrap_or(u32::MAX)).saturating_sub(1);
        if after > MAX_OFFSET { Turn::Cut } else { self.next(Page::After(after), shown) }
    }

    /// Awin names the next page, in an order that does not move.
    fn by_token(&mut self, token: Option<String>, shown: Shown) -> Turn {
        let Some(token) = token else { return Turn::End };
        if !self.seen.insert(xxh3_64(token.as_bytes())) {
            return Turn::Wrong(format!("page {} is followed by an earlier one", self.number));
        }
        self.next(Page::Token(token), shown)
    }
}

/// Whether more rows may follow a page of so many, if `size` were asked for: it is full, or as long as a page of fewer may be that
/// Awin gives instead. The next page tells: it begins with the last row of this one, so there is one.
fn may_be_full(rows: u64, size: u32) -> bool {
    let size = u64::from(size);
    rows == size || rows < size && rows >= 10 && rows.is_multiple_of(5)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of a list, of three rows where it is full.
    fn list(keys: &[u64]) -> Shown {
        Shown { rows: keys.len() as u64, keys: keys.to_vec(), ..Shown::default() }
    }

    fn counted(rows: u64, digest: u64, all_rows: Option<u64>, all_pages: Option<u64>) -> Shown {
        Shown { rows, digest, all_rows, all_pages, ..Shown::default() }
    }

    fn turns(paging: Paging, shown: Vec<Shown>) -> Vec<Turn> {
        let mut pages = Pages::new(paging, None);
        shown.into_iter().map(|shown| pages.turn(shown)).collect()
    }

    const LIST: Paging = Paging::Offset(3);

    fn page(number: u32) -> Turn {
        Turn::Page(Page::Number(number))
    }

    fn after(rows: u32) -> Turn {
        Turn::Page(Page::After(rows))
    }

    fn stamp(text: &str) -> NaiveDateTime {
        text.parse().expect("a stamp")
    }

    /// The moments that are asked for after the first answer, when periods begin so.
    fn moments(starts: &[Option<&str>]) -> Vec<String> {
        let mut pages = Pages::new(Paging::Periods, Some(stamp("2026-01-01T00:00:00")));
        let shown = starts.iter().map(|start| Shown { start: start.map(stamp), rows: 1, ..Shown::default() });
        let turns = shown.map(|shown| match pages.turn(shown) {
            Turn::Page(Page::At(moment)) => moment.to_string(),
            other => format!("{other:?}"),
        });
        turns.collect()
    }

    #[test]
    fn periods_are_walked_back_by_their_start() {
        let walk = moments(&[Some("2026-06-01T00:00:00"), Some("2026-03-01T12:00:00"), Some("2025-12-24T00:00:00")]);
        assert_eq!(walk, ["2026-05-31 23:59:59", "2026-03-01 11:59:59", "End"]);
        assert_eq!(moments(&[Some("2026-06-01T00:00:00"), None]), ["2026-05-31 23:59:59", "End"], "there was none before");
        assert_eq!(moments(&[None]), ["End"]);
        // Starts are written in a zone ahead of UTC: the period before is a little further off.
        let same = Some("2026-06-01T00:00:00");
        assert_eq!(moments(&[same, same, same]), ["2026-05-31 23:59:59", "2026-05-31 00:00:00", "End"]);
    }

    #[test]
    fn one_answer_has_no_pages() {
        assert_eq!(turns(Paging::None, vec![counted(5, 1, None, None)]), [Turn::End]);
    }

    #[test]
    fn a_list_is_read_until_a_page_is_not_full() {
        let wanted = [after(2), after(4), Turn::End];
        assert_eq!(turns(LIST, vec![list(&[9, 8, 7]), list(&[7, 6, 5]), list(&[5])]), wanted);
        assert_eq!(turns(LIST, vec![list(&[])]), [Turn::End]);
        // Longer than a page: Awin knows no pages here.
        assert_eq!(turns(LIST, vec![list(&[9, 8, 7, 6])]), [Turn::End]);
    }

    /// The rows of a list from its `first` to before its `end`.
    fn part(first: u64, end: u64) -> Shown {
        list(&(first..end).collect::<Vec<_>>())
    }

    #[test]
    fn a_page_that_awin_makes_shorter_than_asked_for_is_not_taken_for_the_last() {
        let list = |shown| turns(Paging::Offset(100), shown);
        assert_eq!(list(vec![part(0, 25), part(24, 49), part(48, 52)]), [after(24), after(48), Turn::End]);
        assert_eq!(list(vec![part(0, 25), part(24, 25)]), [after(24), Turn::End], "there were just as many");
        assert_eq!(list(vec![part(0, 25), part(0, 25)]), [after(24), Turn::End], "no pages, and just as many");
        for rows in [1, 5, 9, 26, 99, 101] {
            assert_eq!(list(vec![part(0, rows)]), [Turn::End], "{rows} rows");
        }
    }

    #[test]
    fn a_page_that_is_named_is_asked_for_by_its_name() {
        let named = |first, end, next: &str| Shown { next_token: Some(next.to_owned()), ..part(first, end) };
        let page = |name: &str| Turn::Page(Page::Token(name.to_owned()));
        let list = |shown| turns(Paging::Offset(100), shown);
        assert_eq!(list(vec![named(0, 4, "a"), named(4, 8, "b"), part(8, 18)]), [page("a"), page("b"), Turn::End]);
        let past = Shown { is_past: true, ..named(4, 8, "b") };
        assert_eq!(list(vec![named(0, 4, "a"), past]), [page("a"), Turn::End]);
        let wrong = |number| Turn::Wrong(format!("page {number} is followed by an earlier one"));
        assert_eq!(list(vec![named(0, 4, "a"), named(4, 8, "a")]), [page("a"), wrong(2)]);
        let circle = vec![named(0, 4, "a"), named(4, 8, "b"), named(8, 9, "a")];
        assert_eq!(list(circle), [page("a"), page("b"), wrong(3)]);
    }

    #[test]
    fn a_list_is_read_down_to_what_is_known() {
        let past = Shown { is_past: true, ..list(&[7, 6, 5]) };
        assert_eq!(turns(LIST, vec![list(&[9, 8, 7]), past]), [after(2), Turn::End]);
    }

    #[test]
    fn a_list_that_moves_is_read_again() {
        // A row came on top: the row that the pages share stands further down.
        let moved = vec![list(&[9, 8, 7]), list(&[8, 7, 6]), list(&[10, 9, 8]), list(&[8, 7, 6]), list(&[6])];
        assert_eq!(turns(LIST, moved), [after(2), page(1), after(2), after(4), Turn::End]);
        // A row went: what stood first on the second page has slipped to the first.
        let gone = vec![list(&[9, 8, 7]), list(&[6, 5, 4]), list(&[9, 7, 6]), list(&[6, 5])];
        assert_eq!(turns(LIST, gone), [after(2), page(1), after(2), Turn::End]);
        // All rows of the second page went.
        assert_eq!(turns(LIST, vec![list(&[9, 8, 7]), list(&[])]), [after(2), page(1)]);
    }

    #[test]
    fn a_list_that_goes_on_moving_loses_no_row_but_may_fail() {
        let run = |third: &[u64]| vec![list(&[9, 8, 7]), list(third)];
        let grows = [run(&[8, 7, 6]), run(&[8, 7, 6]), run(&[8, 7, 6])].concat();
        let wanted = [after(2), page(1), after(2), page(1), after(2), after(4)];
        assert_eq!(turns(LIST, grows), wanted);
        let shrinks = [run(&[6, 5, 4]), run(&[6, 5, 4]), run(&[6, 5, 4])].concat();
        let last = turns(LIST, shrinks).pop();
        assert_eq!(last, Some(Turn::Wrong("the list moved 3 times while its pages were read".into())));
    }

    #[test]
    fn a_page_that_comes_twice_is_an_error() {
        let wrong = Turn::Wrong("page 2 is the page before it once more".into());
        assert_eq!(turns(LIST, vec![list(&[9, 8, 7]), list(&[9, 8, 7])]), [after(2), wrong.clone()]);
        let twice = || counted(3, 5, Some(9), None);
        assert_eq!(turns(Paging::Numbered(3), vec![twice(), twice()]), [page(2), wrong]);
    }

    #[test]
    fn a_list_longer_than_awin_shows_is_cut() {
        let shown = (0..12).map(|page| part(page * 999, page * 999 + 1000)).collect();
        let turns = turns(Paging::Offset(1000), shown);
        assert_eq!((&turns[9], &turns[10]), (&after(9990), &Turn::Cut));
    }

    #[test]
    fn numbered_pages_that_show_a_row_twice_are_read_again() {
        let shown = |keys: &[u64]| Shown { keys: keys.to_vec(), digest: keys.iter().sum(), ..counted(3, 0, Some(6), None) };
        let moved = || vec![shown(&[1, 2, 3]), shown(&[3, 5, 6])];
        let whole = vec![shown(&[1, 2, 3]), shown(&[4, 5, 6])];
        let numbered = |shown| turns(Paging::Numbered(3), shown);
        assert_eq!(numbered([moved(), whole].concat()), [page(2), page(1), page(2), Turn::End]);
        let twice = vec![shown(&[1, 2, 2]), shown(&[3, 4, 5])];
        assert_eq!(numbered(twice), [page(2), Turn::End], "one page lists it twice: nothing has moved");
        let wrong = Turn::Wrong("its rows moved from page to page 3 times while they were read".into());
        assert_eq!(numbered([moved(), moved(), moved()].concat()), [page(2), page(1), page(2), page(1), page(2), wrong]);
    }

    #[test]
    fn numbered_pages_end_where_awin_says_or_at_one_that_is_not_full() {
        let numbered = |shown| turns(Paging::Numbered(3), shown);
        assert_eq!(numbered(vec![counted(3, 1, None, None), counted(2, 2, None, None)]), [page(2), Turn::End]);
        assert_eq!(numbered(vec![counted(3, 1, Some(5), Some(2)), counted(2, 2, Some(5), Some(2))]), [page(2), Turn::End]);
        assert_eq!(numbered(vec![counted(3, 1, Some(3), None)]), [Turn::End]);
        assert_eq!(numbered(vec![counted(3, 1, Some(6), None), counted(3, 2, Some(6), None)]), [page(2), Turn::End]);
        let short = Turn::Wrong("its pages hold 3 rows, and Awin says there are 5".into());
        assert_eq!(numbered(vec![counted(3, 1, Some(5), None), counted(0, 2, Some(5), None)]), [page(2), short]);
        let again = vec![counted(3, 1, Some(5), None), counted(3, 2, Some(6), None)];
        assert_eq!(numbered(again), [page(2), page(1)]);
    }
}
