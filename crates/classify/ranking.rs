//! How well scores tell good from bad: the area under the curve with its error, and what a limit keeps.

/// The probability that a good text scores higher than a bad one (a half where they score the same), with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Auc {
    pub value: f64,
    /// 95 % by DeLong et al. 1988, symmetric in the logit, so that it stays between 0 and 1.
    pub low: f64,
    pub high: f64,
}

/// What is kept by a limit: scores of at least this.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kept {
    pub limit: f64,
    /// Shares from 0 to 1.
    pub good: f64,
    pub bad: f64,
}

impl Auc {
    /// `None` with fewer than two scores of either kind.
    pub fn of(good: &[f32], bad: &[f32]) -> Option<Auc> {
        if good.len() < 2 || bad.len() < 2 {
            return None;
        }
        let (good, bad) = (sorted(good), sorted(bad));
        // Of each score, the share of the other kind on its right side.
        let goods = good.iter().map(|score| below(&bad, *score)).collect::<Vec<_>>();
        let bads = bad.iter().map(|score| 1.0 - below(&good, *score)).collect::<Vec<_>>();
        let value = goods.iter().sum::<f64>() / goods.len() as f64;
        let error = (variance(&goods, value) + variance(&bads, value)).sqrt();
        if value <= 0.0 || value >= 1.0 {
            return Some(Auc { value, low: value, high: value });
        }
        let reach = 1.959_964 * error / (value * (1.0 - value));
        let at = |shift: f64| 1.0 / (1.0 + (1.0 - value) / value * (-shift).exp());
        Some(Auc { value, low: at(-reach), high: at(reach) })
    }
}

/// The highest limit of six decimals that keeps at least `share` of the good scores.
pub fn limit_that_keeps(share: f64, good: &[f32], bad: &[f32]) -> Option<Kept> {
    let scores = sorted(good);
    let n_kept = ((share * scores.len() as f64).ceil() as usize).clamp(1, scores.len().max(1));
    let lowest = scores.get(scores.len().checked_sub(n_kept)?)?;
    // In decimals that a recipe can hold, and never above what is to be kept.
    let limit = (f64::from(*lowest) * 1e6).floor() / 1e6;
    Some(Kept { limit, good: share_from(limit, good), bad: share_from(limit, bad) })
}

/// The share of all texts on the right side of one half, both kinds counting the same.
pub fn accuracy(good: &[f32], bad: &[f32]) -> f64 {
    (share_from(0.5, good) + 1.0 - share_from(0.5, bad)) / 2.0
}

fn share_from(limit: f64, scores: &[f32]) -> f64 {
    scores.iter().filter(|score| f64::from(**score) >= limit).count() as f64 / scores.len().max(1) as f64
}

fn sorted(scores: &[f32]) -> Vec<f32> {
    let mut scores = scores.to_vec();
    scores.sort_unstable_by(f32::total_cmp);
    scores
}

/// The share of sorted scores below one; those that equal it count by half.
fn below(scores: &[f32], score: f32) -> f64 {
    let lower = scores.partition_point(|other| *other < score);
    let upper = scores.partition_point(|other| *other <= score);
    (lower + upper) as f64 / (2 * scores.len()) as f64
}

/// Of the mean of these values.
fn variance(values: &[f64], mean: f64) -> f64 {
    let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    squares / (values.len() - 1) as f64 / values.len() as f64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_area_counts_pairs() {
        let auc = |good: &[f32], bad: &[f32]| Auc::of(good, bad).unwrap();
        // 0.9 is above both, 0.5 above one and beside the other: 3.5 of 4.
        assert_eq!(auc(&[0.5, 0.9], &[0.1, 0.5]).value, 0.875);
        assert_eq!(auc(&[0.5, 0.5], &[0.5, 0.5]).value, 0.5);
        assert_eq!(auc(&[0.9, 0.8], &[0.1, 0.2]), Auc { value: 1.0, low: 1.0, high: 1.0 });
        assert_eq!(auc(&[0.1, 0.2], &[0.9, 0.8]).value, 0.0);
        assert_eq!((Auc::of(&[0.5], &[0.1, 0.2]), Auc::of(&[], &[])), (None, None));
    }

    #[test]
    fn the_error_is_delongs() {
        // By the definition: Σ (V10 - A)² / (m - 1) / m + Σ (V01 - A)² / (n - 1) / n, over all pairs.
        let good = [0.31_f32, 0.72, 0.44, 0.95, 0.61, 0.5];
        let bad = [0.2_f32, 0.5, 0.05, 0.63, 0.4];
        let wins = |g: f32, b: f32| if g > b { 1.0 } else { f64::from(u8::from(g == b)) / 2.0 };
        let v10 = good.map(|g| bad.iter().map(|b| wins(g, *b)).sum::<f64>() / 5.0);
        let v01 = bad.map(|b| good.iter().map(|g| wins(*g, b)).sum::<f64>() / 6.0);
        let area = v10.iter().sum::<f64>() / 6.0;
        let squares = |values: &[f64]| values.iter().map(|v| (v - area).powi(2)).sum::<f64>();
        let error = (squares(&v10) / 5.0 / 6.0 + squares(&v01) / 4.0 / 5.0).sqrt();
        let found = Auc::of(&good, &bad).unwrap();
        assert!((found.value - area).abs() < 1e-12);
        let logit = |p: f64| (p / (1.0 - p)).ln();
        let width = (logit(found.high) - logit(found.low)) / 2.0 * area * (1.0 - area);
        assert!((width - 1.959_964 * error).abs() < 1e-9, "{width} {error}");
        assert!(found.low < area && area < found.high && found.high < 1.0);
    }

    #[test]
    fn a_limit_keeps_what_it_promises() {
        let good = [0.1_f32, 0.300_000_5, 0.5, 0.7, 0.9];
        let kept = limit_that_keeps(0.8, &good, &[0.0, 0.29, 0.6, 0.2]).unwrap();
        assert_eq!(kept, Kept { limit: 0.3, good: 0.8, bad: 0.25 });
        let all = limit_that_keeps(1.0, &good, &[0.2]).unwrap();
        assert!(all.limit <= f64::from(good[0]) && all.good == 1.0 && all.bad == 1.0);
        assert_eq!(limit_that_keeps(0.9, &[], &[0.2]), None);
        assert_eq!(accuracy(&[0.9, 0.4], &[0.1, 0.2, 0.5, 0.3]), (0.5 + 0.75) / 2.0);
    }
}
