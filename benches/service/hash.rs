//! The password hash beside the `argon2` crate: both in this process, in turns, on one thread and on all.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};
use argon2::{Algorithm, Argon2, Block, Version};
use argon2id::{Input, Kernel, KernelName, Memory, Params, hash};
use neodyme::config::{Config, Sources};

use crate::options::Options;
use crate::report::Row;
use crate::turns::Turns;

/// Measures every kernel that this machine has, with the default cost of a hash.
pub fn measure(options: &Options) -> anyhow::Result<Vec<Row>> {
    let all = thread::available_parallelism()?.get();
    let mut hashers = (0..all).map(|_| Hasher::start()).collect::<Result<Vec<_>, _>>()?;
    let mut rows = on_threads(&mut hashers[..1], options)?;
    if all > 1 {
        rows.extend(on_threads(&mut hashers, options)?);
    }
    Ok(rows)
}

/// What a compiler that spoils a kernel does not reach. The machine's other half, its memory, leaves it some room.
fn least(kernel: KernelName) -> Option<f64> {
    match kernel {
        KernelName::Avx512 => Some(2.4),
        KernelName::Avx2 => Some(1.7),
        KernelName::Neon | KernelName::Portable => None,
    }
}

fn on_threads(hashers: &mut [Hasher], options: &Options) -> anyhow::Result<Vec<Row>> {
    let mut turns = Turns::default();
    turns.add_reference(slice(hashers, None, options.hash_slice())?);
    for _ in 0..options.rounds() {
        for kernel in Kernel::all() {
            turns.add(kernel.name().as_str(), slice(hashers, Some(kernel), options.hash_slice())?);
            turns.add_reference(slice(hashers, None, options.hash_slice())?);
        }
    }
    let threads = if hashers.len() == 1 { "1 thread".to_owned() } else { format!("{} threads", hashers.len()) };
    let rows = Kernel::all().map(|kernel| {
        let name = kernel.name();
        let row = turns.row(name.as_str(), format!("hashes with {name}, {threads}"), "1/s");
        match least(name) {
            Some(least) => row.at_least(least),
            None => row,
        }
    });
    Ok(rows.collect())
}

/// Hashes per second of all threads, with a kernel or with the crate.
fn slice(hashers: &mut [Hasher], kernel: Option<Kernel>, length: Duration) -> anyhow::Result<f64> {
    thread::scope(|scope| {
        let run = |hasher| scope.spawn(move || Hasher::run(hasher, kernel, length));
        let threads: Vec<_> = hashers.iter_mut().map(run).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a hash panicked"))?).sum()
    })
}

/// What a thread hashes with: memory of each kind, which is used again and again.
struct Hasher {
    params: Params,
    memory: Memory,
    argon2: Argon2<'static>,
    blocks: Vec<Block>,
}

impl Hasher {
    fn start() -> anyhow::Result<Self> {
        let cost = Config::load(&Sources::default())?.password;
        let params = Params::new(cost.memory_kib, cost.iterations, cost.parallelism)?;
        let same = argon2::Params::new(cost.memory_kib, cost.iterations, cost.parallelism, None)?;
        let blocks = vec![Block::default(); same.block_count()];
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, same);
        let mut hasher = Hasher { memory: Memory::reserve(&params)?, params, argon2, blocks };
        let expected = hasher.hash(None)?;
        for kernel in Kernel::all() {
            ensure!(hasher.hash(Some(kernel))? == expected, "{kernel:?} makes another hash");
        }
        Ok(hasher)
    }

    fn hash(&mut self, kernel: Option<Kernel>) -> anyhow::Result<[u8; 32]> {
        let (password, salt, mut tag) = (b"correct horse", b"battery staple..", [0; 32]);
        match kernel {
            Some(kernel) => {
                let input = Input { password, salt, ..Input::default() };
                hash(kernel, &self.params, &input, &mut self.memory, &mut tag)?;
            }
            None => self.argon2.hash_password_into_with_memory(password, salt, &mut tag, &mut self.blocks)?,
        }
        Ok(tag)
    }

    fn run(&mut self, kernel: Option<Kernel>, length: Duration) -> anyhow::Result<f64> {
        let (began, mut hashes) = (Instant::now(), 0.0);
        while began.elapsed() < length {
            self.hash(kernel)?;
            hashes += 1.0;
        }
        Ok(hashes / began.elapsed().as_secs_f64())
    }
}
