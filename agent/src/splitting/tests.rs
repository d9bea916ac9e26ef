use proptest::prelude::*;

use super::*;

const LIMIT: usize = 40;

fn lines(bytes_max: usize) -> Splitter {
    Splitter::new(None, bytes_max)
}

fn multi_line(bytes_max: usize) -> Splitter {
    Splitter::new(Some(StartPattern::new("[A-Z]").unwrap()), bytes_max)
}

/// What comes of bytes that arrive in pieces of these lengths, and then end.
fn all(splitter: &Splitter, input: &[u8], arrivals: &[usize], header_lines: u32) -> Vec<(Piece, Vec<u8>)> {
    let mut within = Within { header_lines, cut: Cut::Nothing };
    let (mut from, mut until) = (0, 0);
    let mut pieces = Vec::new();
    let mut arrivals = arrivals.iter();
    loop {
        let arrived = arrivals.next();
        until = arrived.map_or(input.len(), |more| (until + more).min(input.len()));
        let end = if arrived.is_none() { End::Final } else { End::Open };
        loop {
            let piece = splitter.next(&input[from..until], within, end);
            let length = match piece {
                Piece::Undecided => break,
                Piece::Record(length) => {
                    within = Within::default();
                    length
                }
                Piece::Beginning(length, then) | Piece::LeftOut(length, then) => {
                    within = then;
                    length
                }
            };
            assert!(length > 0);
            pieces.push((piece, input[from..from + length].to_vec()));
            from += length;
        }
        assert!(until - from <= splitter.window_bytes_max(), "{} bytes and no decision", until - from);
        if arrived.is_none() {
            assert_eq!(from, input.len());
            return pieces;
        }
    }
}

fn records(pieces: &[(Piece, Vec<u8>)]) -> Vec<String> {
    let is_put = |piece: &Piece| matches!(piece, Piece::Record(_) | Piece::Beginning(..));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    pieces.iter().filter(|(piece, _)| is_put(piece)).map(|(_, bytes)| text(bytes)).collect()
}

#[test]
fn each_line_is_a_record() {
    let pieces = all(&lines(LIMIT), b"one\n\ntwo\r\nthree", &[], 0);
    assert_eq!(records(&pieces), ["one\n", "\n", "two\r\n", "three"]);
    let skipped = all(&lines(LIMIT), b"a,b\nc,d\n1,2\n", &[2, 3], 2);
    assert_eq!(records(&skipped), ["1,2\n"]);
}

#[test]
fn a_line_that_goes_on_waits_for_its_end() {
    let splitter = lines(LIMIT);
    assert_eq!(splitter.next(b"begun", Within::default(), End::Open), Piece::Undecided);
    assert_eq!(splitter.next(b"begun", Within::default(), End::Quiet), Piece::Undecided);
    assert_eq!(splitter.next(b"begun", Within::default(), End::Final), Piece::Record(5));
}

#[test]
fn a_line_that_is_too_long_is_cut_and_the_next_one_whole() {
    let input = [&[b'x'; 100][..], b"\nshort\n"].concat();
    let pieces = all(&lines(LIMIT), &input, &[7; 20], 0);
    assert_eq!(records(&pieces), ["x".repeat(40), "short\n".to_owned()]);
}

#[test]
fn records_of_many_lines_begin_where_the_pattern_says() {
    let input = b"  orphan\nAn error\n  at one\n  at two\nB\nC\n  at three\n";
    let pieces = all(&multi_line(LIMIT), input, &[], 0);
    assert_eq!(records(&pieces), ["  orphan\n", "An error\n  at one\n  at two\n", "B\n", "C\n  at three\n"]);
    let splitter = multi_line(LIMIT);
    let begun = b"C\n  at three\n";
    assert_eq!(splitter.next(begun, Within::default(), End::Open), Piece::Undecided);
    assert_eq!(splitter.next(begun, Within::default(), End::Quiet), Piece::Record(begun.len()));
    assert_eq!(splitter.next(b"C\n  at th", Within::default(), End::Quiet), Piece::Undecided);
}

#[test]
fn a_record_of_too_many_lines_is_cut_and_the_next_one_whole() {
    let input = [&b"A\n"[..], &b"  more\n".repeat(10), b"B\n"].concat();
    let pieces = all(&multi_line(LIMIT), &input, &[5; 20], 0);
    let cut = [&b"A\n"[..], &b"  more\n".repeat(10)].concat()[..40].to_vec();
    assert_eq!(records(&pieces), [String::from_utf8(cut).unwrap(), "B\n".to_owned()]);
}

#[test]
fn a_start_is_looked_for_at_the_beginning_of_a_line_alone() {
    let splitter = Splitter::new(Some(StartPattern::new("a|b").unwrap()), LIMIT);
    assert_eq!(records(&all(&splitter, b"a\nxb\nb\n", &[], 0)), ["a\nxb\n", "b\n"]);
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        4 => "[A-Za-z ]{0,12}\n",
        1 => "[a-z]{0,3}\n",
        1 => "[A-Za-z]{30,120}\n",
        1 => "[A-Za-z]{0,5}",
    ];
    proptest::collection::vec(line, 0..30).prop_map(|lines| lines.concat().into_bytes())
}

proptest! {
    /// However the bytes arrive, the pieces are the same, in their order, and together they are the bytes.
    #[test]
    fn arrival_does_not_matter(
        input in text(),
        arrivals in proptest::collection::vec(0_usize..50, 0..40),
        header_lines in 0_u32..3,
        is_multi_line: bool,
    ) {
        let splitter = if is_multi_line { multi_line(LIMIT) } else { lines(LIMIT) };
        let at_once = all(&splitter, &input, &[], header_lines);
        let bit_by_bit = all(&splitter, &input, &arrivals, header_lines);
        prop_assert_eq!(records(&at_once), records(&bit_by_bit));
        let together: Vec<u8> = bit_by_bit.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        prop_assert_eq!(together, input);
    }

    /// Lines within the limit are all there, as they are.
    #[test]
    fn no_line_is_lost(input in "([a-z]{0,20}\n){0,20}[a-z]{0,20}") {
        let found = records(&all(&lines(LIMIT), input.as_bytes(), &[], 0));
        let expected: Vec<String> = input.split_inclusive('\n').map(str::to_owned).collect();
        prop_assert_eq!(found, expected);
    }

    /// Whatever the bytes are, a record is not larger than allowed.
    #[test]
    fn records_are_within_the_limit(input: Vec<u8>, arrivals in proptest::collection::vec(0_usize..50, 0..20)) {
        for splitter in [lines(7), multi_line(7)] {
            let pieces = all(&splitter, &input, &arrivals, 0);
            for (piece, bytes) in pieces {
                if !matches!(piece, Piece::LeftOut(..)) {
                    prop_assert!(bytes.len() <= 7, "{piece:?}");
                }
            }
        }
    }
}
