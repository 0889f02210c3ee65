//! Where panels are: each as high up, and then as far left, as there is room.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// The columns of Grafana's grid.
pub const WIDTH: usize = 24;

/// What is taken of it.
#[derive(Default)]
pub struct Grid {
    /// How far down, in each column.
    depths: [usize; WIDTH],
    cells: usize,
}

impl Grid {
    /// Takes the place of a panel.
    pub fn place(&mut self, width: usize, height: usize) -> Result<Value> {
        ensure!((1..=WIDTH).contains(&width) && height > 0, "{width}x{height} does not fit the grid");
        let depth = |left: usize| self.depths[left..left + width].iter().max().copied();
        let places = (0..=WIDTH - width).filter_map(|left| Some((depth(left)?, left)));
        let (top, left) = places.min().context("the grid has no columns")?;
        self.depths[left..left + width].fill(top + height);
        self.cells += width * height;
        Ok(json!({"x": left, "y": top, "w": width, "h": height}))
    }

    /// What is below begins at one height, and nothing above is empty.
    pub fn finish(&self) -> Result<()> {
        let whole = self.depths[0] * WIDTH;
        let is_level = self.depths.iter().all(|depth| *depth == self.depths[0]);
        ensure!(is_level && self.cells == whole, "panels leave a hole: a row has {WIDTH} columns");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_fill_the_grid_from_the_top_left() {
        let mut grid = Grid::default();
        let place = |grid: &mut Grid, width, height| {
            let place = grid.place(width, height).unwrap();
            (place["x"].as_u64().unwrap(), place["y"].as_u64().unwrap())
        };
        assert_eq!(place(&mut grid, 12, 8), (0, 0));
        assert_eq!(place(&mut grid, 12, 4), (12, 0));
        assert!(grid.finish().is_err());
        assert_eq!(place(&mut grid, 12, 4), (12, 4));
        assert!(grid.finish().is_ok());
        assert_eq!(place(&mut grid, 24, 1), (0, 8));
        assert!(grid.place(25, 1).is_err());
        assert_eq!(place(&mut grid, 23, 1), (0, 9));
        assert_eq!(place(&mut grid, 24, 1), (0, 10));
        assert!(grid.finish().is_err());
    }
}
