//! The `wslens` program: everything is in the library.

fn main() -> std::process::ExitCode {
    wslens::cli::main()
}
