//! Looks through the ledger: queries of typed expressions on its Parquet files, by DataFusion.
//!
//! A page of documents is found in two steps, so that the ledger's many columns are read for its few rows only: the places
//! of the documents, from the columns that are asked about; then what is shown of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use datafusion::arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::cast::as_string_array;
use datafusion::error::DataFusionError;
use datafusion::functions_nested::expr_fn::array_has;
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use datafusion::prelude::{DataFrame, Expr, ParquetReadOptions, SessionConfig, SessionContext, ident, lit};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use crate::wanted::Wanted;

pub(crate) struct Ledger {
    out: PathBuf,
    open: Mutex<Option<Open>>,
}

/// The ledger of a run as it was when it was opened.
struct Open {
    written: Option<SystemTime>,
    context: SessionContext,
    /// What was last asked, and how many documents are like that: the next page has as many.
    counted: Option<(Wanted, usize)>,
}

const TABLE: &str = "ledger";
/// Documents of a page.
const ROWS: usize = 50;
/// What is shown of every document.
const SHOWN: [&str; 8] = ["shard", "row", "id", "url", "language", "bytes", "kept", "reason"];

impl Ledger {
    pub fn new(out: &Path) -> Ledger {
        Ledger { out: out.to_path_buf(), open: Mutex::new(None) }
    }

    /// A page of the documents that are wanted, and how many there are.
    ///
    /// Errors: no ledger, a column that it lacks, a file that cannot be read.
    pub async fn find(&self, wanted: &Wanted) -> Result<Value, String> {
        let start = Instant::now();
        let (context, known) = self.opened(wanted).await?;
        let table = context.table(TABLE).await.map_err(told)?;
        let columns = named_columns(&table, wanted)?;
        let matching = matching(table.clone(), wanted).map_err(told)?;
        let count = match known {
            Some(count) => count,
            None => matching.clone().count().await.map_err(told)?,
        };
        let places = places(matching, wanted).await.map_err(told)?;
        let rows = rows(table, &places, &columns).await.map_err(told)?;
        if let Some(open) = self.open.lock().await.as_mut() {
            open.counted = Some((any_page(wanted), count));
        }
        Ok(json!({
            "count": count,
            "columns": columns,
            "rows": rows,
            "rows_per_page": ROWS,
            "seconds": start.elapsed().as_secs_f64(),
        }))
    }

    /// Opens the ledger, unless it is open and the run is the same; the number of documents, if they were counted just
    /// before.
    async fn opened(&self, wanted: &Wanted) -> Result<(SessionContext, Option<usize>), String> {
        let folder = self.out.join(TABLE);
        let written =
            std::fs::metadata(self.out.join("manifest.json")).and_then(|metadata| metadata.modified()).ok();
        if written.is_none() || !folder.is_dir() {
            return Err("the ledger is there when the run is finished".to_owned());
        }
        let mut open = self.open.lock().await;
        if let Some(open) = open.as_ref().filter(|open| open.written == written) {
            let counted = open.counted.as_ref().filter(|(asked, _)| *asked == any_page(wanted));
            return Ok((open.context.clone(), counted.map(|(_, count)| *count)));
        }
        let config = SessionConfig::new()
            .set_bool("datafusion.execution.parquet.pushdown_filters", true)
            .set_bool("datafusion.execution.parquet.reorder_filters", true)
            // Strings as the files have them.
            .set_bool("datafusion.execution.parquet.schema_force_view_types", false);
        let context = SessionContext::new_with_config(config);
        context
            .register_parquet(TABLE, address(&folder)?, ParquetReadOptions::default())
            .await
            .map_err(told)?;
        *open = Some(Open { written, context: context.clone(), counted: None });
        Ok((context, None))
    }
}

fn told(error: DataFusionError) -> String {
    format!("the ledger cannot be read: {}", error.strip_backtrace())
}

/// The same question, whatever page of its answer.
fn any_page(wanted: &Wanted) -> Wanted {
    Wanted { page: 0, sort: None, ..wanted.clone() }
}

/// A folder as an address, in which no letter stands for others.
fn address(folder: &Path) -> Result<String, String> {
    let folder = folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let encoded = folder.as_os_str().as_encoded_bytes().iter();
    let encoded: String = encoded
        .map(|byte| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    Ok(format!("file://{encoded}/"))
}

/// Columns of numbers that the request names, beyond those that are always shown.
fn named_columns(table: &DataFrame, wanted: &Wanted) -> Result<Vec<String>, String> {
    let ranges = wanted.ranges.iter().map(|range| &range.column);
    let mut columns: Vec<String> = Vec::new();
    for name in ranges.chain(wanted.sort.iter().map(|(name, _)| name)) {
        match table.schema().field_with_unqualified_name(name) {
            Ok(field) if field.data_type().is_numeric() => {}
            Ok(_) => return Err(format!("`{name}` holds no numbers")),
            Err(_) => return Err(format!("this run's ledger has no column `{name}`")),
        }
        if !SHOWN.contains(&name.as_str()) && !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    Ok(columns)
}

/// The rows for which everything holds that is wanted.
fn matching(table: DataFrame, wanted: &Wanted) -> Result<DataFrame, DataFusionError> {
    let Wanted { text, reason, any_reason, language, domain, kept, ranges, .. } = wanted;
    let is = |column: &str, value: &Option<String>| {
        value.as_ref().map(|value| ident(column).eq(lit(value.clone())))
    };
    let all = [is("reason", reason), is("language", language), kept.map(|kept| ident("kept").eq(lit(kept)))];
    let mut all: Vec<Expr> = all.into_iter().flatten().collect();
    for range in ranges {
        let column = || ident(range.column.clone());
        all.extend(range.low.map(|low| column().gt_eq(lit(low))));
        all.extend(range.high.map(|high| column().lt_eq(lit(high))));
    }
    if let Some(reason) = any_reason {
        all.push(array_has(ident("reasons"), lit(reason.clone())));
    }
    if let Some(domain) = domain {
        // What does not hold its letters anywhere need not be taken apart.
        all.push(ident("url").ilike(lit(anywhere(domain))));
        all.push(lies_in(domain.clone()));
    }
    if let Some(text) = text {
        let pattern = || lit(anywhere(text));
        all.push(ident("id").ilike(pattern()).or(ident("url").ilike(pattern())));
    }
    match all.into_iter().reduce(Expr::and) {
        Some(all) => table.filter(all),
        None => Ok(table),
    }
}

/// The pattern of texts that hold a text: its letters stand for themselves.
fn anywhere(text: &str) -> String {
    let mut pattern = "%".to_owned();
    for letter in text.chars() {
        if ['%', '_', '\\'].contains(&letter) {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern + "%"
}

/// The host of the address is the domain, or lies in it.
fn lies_in(domain: String) -> Expr {
    let is_inside = move |url: &str| {
        let (host, _) = text::address::split(url);
        let before = host.strip_suffix(domain.as_str());
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    let judge = move |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let urls = as_string_array(&arrays[0])?;
        let found: BooleanArray = urls.iter().map(|url| Some(url.is_some_and(&is_inside))).collect();
        Ok(ColumnarValue::Array(Arc::new(found)))
    };
    let function = create_udf(
        "lies_in_domain",
        vec![DataType::Utf8],
        DataType::Boolean,
        Volatility::Immutable,
        Arc::new(judge),
    );
    function.call(vec![ident("url")])
}

/// Shard and row of the documents of the page, in their order.
async fn places(matching: DataFrame, wanted: &Wanted) -> Result<Vec<(i64, i64)>, DataFusionError> {
    let mut order = Vec::new();
    let mut columns = vec![ident("shard"), ident("row")];
    if let Some((column, is_falling)) = &wanted.sort {
        order.push(ident(column.clone()).sort(!is_falling, false));
        if !["shard", "row"].contains(&column.as_str()) {
            columns.push(ident(column.clone()));
        }
    }
    order.extend(["shard", "row"].map(|column| ident(column).sort(true, false)));
    let page = matching.select(columns)?.sort(order)?.limit(wanted.page * ROWS, Some(ROWS))?;
    let mut places = Vec::new();
    for batch in page.collect().await? {
        places.extend(places_of(&batch)?);
    }
    Ok(places)
}

fn places_of(batch: &RecordBatch) -> Result<Vec<(i64, i64)>, DataFusionError> {
    let whole = |at: usize| cast(batch.column(at), &DataType::Int64);
    let (shards, rows) = (whole(0)?, whole(1)?);
    let (shards, rows) = (shards.as_primitive::<Int64Type>(), rows.as_primitive::<Int64Type>());
    Ok(shards.values().iter().copied().zip(rows.values().iter().copied()).collect())
}

/// What is shown of the documents at some places, in their order.
async fn rows(
    table: DataFrame,
    places: &[(i64, i64)],
    columns: &[String],
) -> Result<Vec<Value>, DataFusionError> {
    let mut by_shard: HashMap<i64, Vec<Expr>> = HashMap::new();
    for (shard, row) in places {
        by_shard.entry(*shard).or_default().push(lit(*row));
    }
    let of_shard = |(shard, rows): (i64, Vec<Expr>)| {
        ident("shard").eq(lit(shard as i32)).and(ident("row").in_list(rows, false))
    };
    let Some(wanted) = by_shard.into_iter().map(of_shard).reduce(Expr::or) else { return Ok(Vec::new()) };
    let schema = table.schema().clone();
    let has = |name: &&str| schema.field_with_unqualified_name(name).is_ok();
    let shown: Vec<&str> = SHOWN.into_iter().filter(has).chain(columns.iter().map(String::as_str)).collect();
    let chosen = shown.iter().map(|name| ident(*name)).collect::<Vec<_>>();
    let found = table.filter(wanted)?.select(chosen)?.collect().await?;
    let mut documents: HashMap<(i64, i64), Value> = HashMap::new();
    for batch in &found {
        for (row, place) in places_of(batch)?.into_iter().enumerate() {
            documents.insert(place, document(batch, row, columns)?);
        }
    }
    Ok(places.iter().filter_map(|place| documents.remove(place)).collect())
}

fn document(batch: &RecordBatch, row: usize, columns: &[String]) -> Result<Value, DataFusionError> {
    let cell = |name: &str| -> Result<Value, DataFusionError> {
        let Some(column) = batch.column_by_name(name).filter(|column| column.is_valid(row)) else {
            return Ok(Value::Null);
        };
        Ok(match column.data_type() {
            DataType::Boolean => column.as_boolean().value(row).into(),
            DataType::Utf8 => column.as_string::<i32>().value(row).into(),
            DataType::Float64 => column.as_primitive::<Float64Type>().value(row).into(),
            _ => cast(&column.slice(row, 1), &DataType::Int64)?.as_primitive::<Int64Type>().value(0).into(),
        })
    };
    let mut document = Map::new();
    for name in SHOWN {
        document.insert(name.to_owned(), cell(name)?);
    }
    let values: Result<Map<String, Value>, DataFusionError> =
        columns.iter().map(|name| Ok((name.clone(), cell(name)?))).collect();
    document.insert("values".to_owned(), values?.into());
    Ok(document.into())
}
