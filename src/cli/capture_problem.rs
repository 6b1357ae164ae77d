//! Why nothing can be captured, for people.

use super::problem::Problem;
use crate::capture::sniff::SniffError;
use crate::filter::field::near;

/// What libpcap or the system said, for people.
pub fn problem(error: SniffError, filter: &str) -> Problem {
    match &error {
        SniffError::Unknown { name, known } => {
            let problem = Problem::new(4, error.to_string());
            let near = near(name, known.iter().map(String::as_str));
            let problem = match near.is_empty() {
                true => problem,
                false => problem.hint("know", format!("did you mean: {}?", near.join(", "))),
            };
            problem.hint("try", "wslens interfaces")
        }
        SniffError::Permission { name } => {
            let filter = match filter {
                "" => String::new(),
                filter => format!(" '{}'", filter.replace('\'', r"'\''")),
            };
            Problem::new(4, error.to_string())
                .hint("why", "reading packets needs CAP_NET_RAW")
                .hint("try", "sudo setcap cap_net_raw+ep \"$(command -v wslens)\"       (once)")
                .hint("or", format!("sudo tcpdump -i {name} -U -w -{filter} | wslens -   (only tcpdump runs as root)"))
        }
        SniffError::Filter { filter, .. } => Problem::new(2, error.to_string())
            .lines([filter.clone()])
            .hint("know", "-f uses the syntax of pcap-filter(7), such as 'tcp port 8080' or 'host 192.0.2.1 and port 80'")
            .hint("try", "-Y to filter by WebSocket fields, such as -Y 'op == text' (wslens read --list-fields)"),
        SniffError::System { .. } => Problem::new(3, error.to_string())
            .hint("know", "live packets go to temporary files: set their directory with TMPDIR and their size with --max-disk"),
        SniffError::List(_) | SniffError::Open { .. } | SniffError::Read(_) => Problem::new(4, error.to_string()),
    }
}
