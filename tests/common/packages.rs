//! Programs of others, from PyPI and npm: fetched once into the build folder, and again when what is asked for changes.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder with the Python packages that this list names; its programs are in `bin`.
pub fn pip(name: &str, list: &str) -> PathBuf {
    installed(name, list, |folder| {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder));
        let pip = ["install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(folder.join("bin/pip")).args(pip).args(list.lines()));
    })
}

/// A copy of this folder of the tests, with the packages that its lock file names.
pub fn npm(name: &str, source: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(source);
    let files = std::fs::read_dir(source).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.map(|path| (std::fs::read_to_string(&path).unwrap(), path)).collect();
    files.sort();
    let contents: Vec<_> = files.iter().map(|(text, _)| text.as_str()).collect();
    installed(name, &contents.concat(), |folder| {
        for (text, path) in &files {
            std::fs::write(folder.join(path.file_name().unwrap()), text).unwrap();
        }
        run(Command::new("npm").args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(folder));
    })
}

/// A folder of this name, as `install` makes it of what is asked for.
fn installed(name: &str, asked: &str, install: impl FnOnce(&Path)) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages").join(name);
    let done = folder.join("is-whole");
    if std::fs::read_to_string(&done).is_ok_and(|text| text == asked) {
        return folder;
    }
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    install(&folder);
    std::fs::write(done, asked).unwrap();
    folder
}

/// Runs a program that must succeed. Returns what it says.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; run `make deps`"));
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{command:?}:\n{out}{err}");
    out
}
