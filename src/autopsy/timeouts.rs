//! How long proxies, balancers and gateways let a connection be, unless told otherwise.

use crate::model::Nanos;

/// What a timeout measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Silence of both sides.
    Both,
    /// Silence of the server.
    Server,
    /// Time since the connection opened, idle or not.
    Age,
}

/// A timeout, as its maker's documentation has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout {
    /// Whose it is.
    pub who: &'static str,
    /// The setting, or what it is called.
    pub setting: &'static str,
    /// Its usual length in seconds.
    pub seconds: u32,
    /// What it measures.
    pub measure: Measure,
    /// Whoever has it forgets the connection then and tells nobody: what is sent next is dropped, or answered by a RST.
    pub forgets: bool,
}

impl Timeout {
    /// Whether a time in nanoseconds is about that long: from a quarter of a second less (packets take time to where
    /// they were captured) to 2.5 %, and at least a second, more (timers are looked at now and then).
    #[must_use]
    pub fn fits(&self, waited: Nanos) -> bool {
        let length = i64::from(self.seconds).saturating_mul(1_000_000_000);
        let more = (length / 40).max(1_000_000_000);
        (length.saturating_sub(250_000_000)..=length.saturating_add(more)).contains(&waited.0)
    }

    /// Whether whoever has it has forgotten a connection that was idle for so many nanoseconds.
    #[must_use]
    pub fn has_forgotten(&self, idle: Nanos) -> bool {
        self.forgets && idle >= Nanos::seconds(i64::from(self.seconds))
    }
}

const fn timeout(who: &'static str, setting: &'static str, seconds: u32, measure: Measure) -> Timeout {
    Timeout { who, setting, seconds, measure, forgets: false }
}

const fn forgets(who: &'static str, setting: &'static str, seconds: u32) -> Timeout {
    Timeout { who, setting, seconds, measure: Measure::Both, forgets: true }
}

/// Those that are known, shortest first. Defaults, or what examples in their documentation set.
pub static ALL: &[Timeout] = &[
    timeout("Google Cloud load balancer", "backend service timeout", 30, Measure::Age),
    timeout("HAProxy", "timeout client/server, usual value", 50, Measure::Both),
    timeout("Heroku router", "idle timeout (H15)", 55, Measure::Both),
    timeout("nginx", "proxy_read_timeout", 60, Measure::Server),
    timeout("AWS Application Load Balancer", "idle timeout", 60, Measure::Both),
    timeout("AWS Classic Load Balancer", "idle timeout", 60, Measure::Both),
    timeout("Apache HTTP Server", "ProxyTimeout", 60, Measure::Both),
    timeout("Cloudflare", "proxy idle timeout", 100, Measure::Both),
    forgets("Azure Load Balancer", "TCP idle timeout", 240),
    timeout("Envoy", "stream_idle_timeout", 300, Measure::Both),
    forgets("AWS Network Load Balancer", "TCP idle timeout", 350),
    forgets("AWS NAT gateway", "idle timeout", 350),
    forgets("Google Cloud VPC", "idle connection tracking", 600),
    timeout("AWS API Gateway", "idle timeout", 600, Measure::Both),
    timeout("HAProxy", "timeout tunnel, usual value", 3600, Measure::Both),
    timeout("AWS API Gateway", "maximum connection duration", 7200, Measure::Age),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_fits_the_timeout_that_it_is_about_as_long_as_and_no_other() {
        let fits = |seconds: f64| -> Vec<&str> {
            let time = (seconds * 1e9) as i64;
            let all =
                ALL.iter().filter(|timeout| timeout.measure != Measure::Age && timeout.fits(Nanos(time)));
            all.map(|timeout| timeout.who).collect()
        };
        assert_eq!(fits(60.02).len(), 4);
        assert_eq!(fits(59.8).len(), 4);
        assert_eq!(fits(55.1), ["Heroku router"]);
        assert_eq!(fits(100.4), ["Cloudflare"]);
        assert_eq!(fits(240.0), ["Azure Load Balancer"]);
        for nothing in [0.0, 10.0, 45.0, 52.0, 59.7, 61.6, 90.0, 98.0, 120.0, 200.0, 1000.0] {
            assert!(fits(nothing).is_empty(), "{nothing}");
        }
    }

    #[test]
    fn what_forgets_has_forgotten_once_its_time_is_over() {
        let forgotten =
            |seconds: i64| ALL.iter().filter(|all| all.has_forgotten(Nanos(seconds * 1_000_000_000))).count();
        assert_eq!([239, 240, 349, 350, 599, 600].map(forgotten), [0, 1, 1, 3, 3, 4]);
    }

    #[test]
    fn the_list_is_in_order() {
        assert!(ALL.is_sorted_by_key(|timeout| timeout.seconds));
    }
}
