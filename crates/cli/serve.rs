//! `corpus serve out/`: the report, the ledger and the judge as pages of a server on this machine.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use crate::{Exit, Voice};

#[derive(clap::Args)]
pub struct Args {
    /// The output folder of a run, finished or at work.
    out: PathBuf,
    /// 0 takes any port that is free.
    #[arg(long, default_value_t = 7417)]
    port: u16,
    /// The address to listen at. Beyond this machine, as with 0.0.0.0, whoever asks must know the token that is printed.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
}

#[cfg(not(feature = "serve"))]
pub fn run(_: Args, _: Voice) -> anyhow::Result<Exit> {
    anyhow::bail!("this build has no server: build with the cargo feature `serve` (it is on by default)")
}

#[cfg(feature = "serve")]
pub use server::run;

#[cfg(feature = "serve")]
mod server {
    use std::sync::{Mutex, OnceLock, PoisonError};
    use std::time::SystemTime;

    use ::serve::{Server, Verbs};
    use plan::{Plan, Recipe};
    use serde_json::Value;

    use super::{Args, Exit, PathBuf, Voice};
    use crate::machine::Stop;
    use crate::page::Loaded;
    use crate::{inspect, page, plans, print, told};

    pub fn run(args: Args, voice: Voice) -> anyhow::Result<Exit> {
        let Args { out, port, bind } = args;
        if shards::is_remote(&out) {
            anyhow::bail!(
                "{0}: the server reads a folder of this machine; fetch it first, for example with `aws s3 sync {0} out/`",
                out.display()
            );
        }
        let pages = Pages { out: out.clone(), recipes: OnceLock::new(), run: Mutex::new(None) };
        let server = Server::bind(&out, bind, port, pages)?;
        let stop = Stop::listen()?;
        print(&format!("{}\n", server.url()))?;
        if !voice.quiet {
            let elsewhere = match bind.is_unspecified() {
                true => format!(", from elsewhere with this machine's name in place of {bind}"),
                false => String::new(),
            };
            eprintln!("open this address in a browser{elsewhere}; Ctrl-C ends the server");
        }
        server.run(&stop.flag)?;
        // Whoever ends a server has what they wanted.
        Ok(Exit::Done)
    }

    /// What `inspect` and `inspect --file` know, as pages want it.
    struct Pages {
        out: PathBuf,
        /// Those that come with the program, compiled when the first page is judged.
        recipes: OnceLock<Vec<Loaded>>,
        run: Mutex<Option<Known>>,
    }

    /// A finished run, its recipe and its plan.
    struct Known {
        written: Option<SystemTime>,
        run: ::report::Run,
        recipe: Option<Recipe>,
        plan: Option<Plan>,
    }

    impl Verbs for Pages {
        fn judge(&self, page: &[u8]) -> Result<Value, String> {
            self.judged(page).map_err(|error| told(&error))
        }

        fn document(&self, shard: i32, row: i64) -> Result<Value, String> {
            self.shown((shard, row)).map_err(|error| told(&error))
        }
    }

    impl Pages {
        fn judged(&self, bytes: &[u8]) -> anyhow::Result<Value> {
            let recipes = match self.recipes.get() {
                Some(recipes) => recipes,
                None => {
                    let loaded = page::load(&["all".to_owned()])?;
                    self.recipes.get_or_init(|| loaded)
                }
            };
            let (_folder, file) = page::file_of(bytes)?;
            page::as_page(recipes, &file)
        }

        fn shown(&self, place: (i32, i64)) -> anyhow::Result<Value> {
            let written = std::fs::metadata(self.out.join("report.json")).and_then(|it| it.modified()).ok();
            let mut known = self.run.lock().unwrap_or_else(PoisonError::into_inner);
            let known = match known.take().filter(|known| known.written == written) {
                Some(found) => known.insert(found),
                None => {
                    let run = inspect::run_of(&self.out)?;
                    let recipe = Recipe::parse("the run's recipe", &run.recipe_toml).ok();
                    // Lists and models of the user's are looked for from here; without them nothing is marked.
                    let plan = plans::compile("the run's recipe", &run.recipe_toml, "".as_ref()).ok();
                    known.insert(Known { written, run, recipe, plan: plan.map(|(_, plan)| plan) })
                }
            };
            inspect::as_page(&self.out, place, &known.run, known.recipe.as_ref(), known.plan.as_ref())
        }
    }
}
