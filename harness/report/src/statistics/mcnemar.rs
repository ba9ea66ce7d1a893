//! McNemar's test: do two runs differ on the same images?

use statrs::distribution::{Binomial, Discrete, DiscreteCDF};

use super::{PairCounts, Probability};

/// Two p-values of one comparison, both two-sided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct McNemar {
    /// The exact one: never fails more often than its level.
    pub exact: Probability,
    /// The mid-p one, half of what was seen counted: closer to its level, and the one to report.
    pub mid_p: Probability,
}

/// The exact test (McNemar 1947) and its mid-p form (Fagerland, Lydersen, Laake 2013).
///
/// Only the images on which the verdicts differ count: without a difference between the runs each goes
/// either way with probability 1/2. Without any such image both p-values are 1.
pub fn mcnemar(pairs: PairCounts) -> McNemar {
    let n = pairs.n_discordant();
    if n == 0 {
        return McNemar { exact: Probability::rounded(1.0), mid_p: Probability::rounded(1.0) };
    }
    let fewer = pairs.n_worse().min(pairs.n_better()) as u64;
    let coin = Binomial::new(0.5, n as u64).expect("1/2 is a probability");
    let exact = 2.0 * coin.cdf(fewer);
    McNemar {
        exact: Probability::rounded(exact),
        mid_p: Probability::rounded(exact - coin.pmf(fewer)),
    }
}
