//! Small plots of blocks for a terminal.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// How many characters a plot may be wide.
const WIDTH: usize = 60;

/// One block for each value, or for the largest of several where there are many; the highest is the largest value.
pub(crate) fn sparkline(values: &[f64]) -> String {
    let per_block = values.len().div_ceil(WIDTH).max(1);
    let largest = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let top = largest(values);
    let block = |values: &[f64]| {
        let share = if top > 0.0 { largest(values) / top } else { 0.0 };
        let place = BLOCKS.iter().zip(1_u8..).find(|(_, number)| share <= f64::from(*number) / 8.0);
        place.map_or('█', |(block, _)| *block)
    };
    values.chunks(per_block).map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_value_is_the_highest_block() {
        assert_eq!(sparkline(&[0.0, 1.0, 2.0, 4.0, 8.0]), "▁▁▂▄█");
        assert_eq!(sparkline(&[]), "");
        assert_eq!(sparkline(&[0.0, 0.0]), "▁▁");
        let long: Vec<f64> = (0..600_u32).map(f64::from).collect();
        let line = sparkline(&long);
        assert_eq!((line.chars().count(), line.chars().last()), (60, Some('█')));
    }
}
