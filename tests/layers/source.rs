//! The files of `src/`, and what each takes from the others.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Item, UseTree, Visibility};

/// The path of a module within the crate: `["http", "router"]`.
pub type ModulePath = Vec<String>;

/// What one file declares and names.
#[derive(Default)]
struct Source {
    /// Names that stand for something of another module: what a `use` brings, by the name that it has here.
    imported: BTreeMap<String, Vec<String>>,
    /// Those of them that are only handed on.
    handed_on: BTreeSet<String>,
    /// Every path that is written out.
    named: BTreeSet<Vec<String>>,
}

/// All files, by the path of their module.
pub struct Sources(BTreeMap<ModulePath, Source>);

impl Sources {
    /// Reads all of `src/` but `main.rs`, which stands outside of the library.
    pub fn read(src: &Path) -> Sources {
        let mut sources = BTreeMap::new();
        read_folder(src, &[], &mut sources);
        Sources(sources)
    }

    /// For each file the files that it uses, other than itself.
    pub fn uses(&self) -> BTreeMap<ModulePath, BTreeSet<ModulePath>> {
        let of = |(module, source): (&ModulePath, &Source)| {
            let imported = source.imported.iter().filter(|(name, _)| !source.handed_on.contains(*name));
            let named = imported.map(|(_, path)| path).chain(&source.named);
            let used = named.filter_map(|path| self.resolve(module, path, 0)).filter(|used| used != module);
            (module.clone(), used.collect())
        };
        self.0.iter().map(of).collect()
    }

    /// The file that declares what a path means when it stands in `module`; none where that is another crate's.
    fn resolve(&self, module: &[String], path: &[String], depth: usize) -> Option<ModulePath> {
        let (mut at, mut rest) = self.start(module, path, depth)?;
        while let Some((name, behind)) = rest.split_first() {
            let child = [at.as_slice(), std::slice::from_ref(name)].concat();
            if self.0.contains_key(&child) {
                (at, rest) = (child, behind);
                continue;
            }
            let reexported = self.0.get(&at)?.imported.get(name).filter(|_| depth < 8);
            return Some(reexported.and_then(|path| self.resolve(&at, path, depth + 1)).unwrap_or(at));
        }
        Some(at)
    }

    /// Where a path begins, and what is left of it.
    fn start<'a>(&self, module: &[String], path: &'a [String], depth: usize) -> Option<(ModulePath, &'a [String])> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some((Vec::new(), rest)),
            "self" => Some((module.to_vec(), rest)),
            "super" => {
                let supers = path.iter().take_while(|name| *name == "super").count();
                Some((module.get(..module.len().checked_sub(supers)?)?.to_vec(), &path[supers..]))
            }
            name => {
                let child = [module, std::slice::from_ref(first)].concat();
                if self.0.contains_key(&child) {
                    return Some((child, rest));
                }
                let imported = self.0.get(module)?.imported.get(name).filter(|_| depth < 8 && !rest.is_empty())?;
                Some((self.resolve(module, imported, depth + 1)?, rest))
            }
        }
    }
}

fn read_folder(folder: &Path, module: &[String], sources: &mut BTreeMap<ModulePath, Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let own = if name == "lib" { Vec::new() } else { [module, std::slice::from_ref(&name)].concat() };
        if path.is_dir() {
            read_folder(&path, &own, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "main" {
            let text = fs::read_to_string(&path).unwrap();
            let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            sources.insert(own, read_items(file.items));
        }
    }
}

/// Tests may use what they like.
fn read_items(items: Vec<Item>) -> Source {
    let (mut source, mut handed_on, mut written) = (Source::default(), Source::default(), BTreeSet::new());
    for item in items.into_iter().filter(|item| !is_test(item)) {
        match item {
            Item::Use(item) => {
                let source = if matches!(item.vis, Visibility::Inherited) { &mut source } else { &mut handed_on };
                collect_use(&item.tree, &mut Vec::new(), source);
            }
            item => {
                collect_names(item.to_token_stream(), &mut written);
                collect_paths(item.to_token_stream(), &mut source.named);
            }
        }
    }
    source.handed_on = handed_on.imported.keys().filter(|name| !written.contains(*name)).cloned().collect();
    source.imported.extend(handed_on.imported);
    source
}

/// Every name in these tokens.
fn collect_names(tokens: TokenStream, names: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(name) => drop(names.insert(name.to_string())),
            TokenTree::Group(group) => collect_names(group.stream(), names),
            _ => {}
        }
    }
}

fn is_test(item: &Item) -> bool {
    let attributes = match item {
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| attribute.to_token_stream().to_string().replace(' ', "") == "#[cfg(test)]")
}

fn collect_use(tree: &UseTree, before: &mut Vec<String>, source: &mut Source) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            collect_use(&path.tree, before, source);
            before.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| collect_use(tree, before, source)),
        UseTree::Glob(_) => drop(source.named.insert(before.clone())),
        UseTree::Name(name) => import(&name.ident.to_string(), &name.ident.to_string(), before, source),
        UseTree::Rename(name) => import(&name.rename.to_string(), &name.ident.to_string(), before, source),
    }
}

fn import(here: &str, there: &str, before: &[String], source: &mut Source) {
    // `use super::outbox::{self, …}`
    let path = if there == "self" { before.to_vec() } else { [before, &[there.to_owned()]].concat() };
    let here = if here == "self" { path.last().unwrap().clone() } else { here.to_owned() };
    if here == "_" {
        source.named.insert(path);
    } else {
        source.imported.insert(here, path);
    }
}

/// Every `a::b::c` in these tokens, also within macros, and those that `a::{b, c::d}` stands for. Who may see an item
/// (`pub(in a::b)`) is no use.
fn collect_paths(tokens: TokenStream, paths: &mut BTreeSet<Vec<String>>) {
    collect_below(&[], tokens, paths);
}

fn collect_below(before: &[String], tokens: TokenStream, paths: &mut BTreeSet<Vec<String>>) {
    let (mut path, mut colons) = (before.to_vec(), 0);
    for token in tokens {
        match token {
            TokenTree::Punct(colon) if colon.as_char() == ':' => colons += 1,
            TokenTree::Ident(name) => {
                if colons != 2 && path.len() > before.len() {
                    end_path(&mut path, before, paths);
                }
                path.push(name.to_string());
                colons = 0;
            }
            TokenTree::Group(group) if path == ["pub"] && is_place(&group) => end_path(&mut path, before, paths),
            TokenTree::Group(group) if colons == 2 && group.delimiter() == Delimiter::Brace => {
                collect_below(&path, group.stream(), paths);
                (path, colons) = (before.to_vec(), 0);
            }
            other => {
                end_path(&mut path, before, paths);
                colons = 0;
                if let TokenTree::Group(group) = other {
                    collect_below(&[], group.stream(), paths);
                }
            }
        }
    }
    end_path(&mut path, before, paths);
}

/// Of `pub(in a::b)` what follows `pub`.
fn is_place(group: &Group) -> bool {
    matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(word)) if word == "in")
}

fn end_path(path: &mut Vec<String>, before: &[String], paths: &mut BTreeSet<Vec<String>>) {
    let path = std::mem::replace(path, before.to_vec());
    if path.len() > before.len().max(1) {
        paths.insert(path);
    }
}
