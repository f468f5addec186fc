//! Columns of texts, read as the bytes that they are: where one value is no UTF-8 the decoder refuses all rows that it decodes
//! with it, and of values that are JSON it never looks. So rows are looked at here, and a bad one is a row with a problem.
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, UInt64Array};
use arrow::compute::{CastOptions, can_cast_types, cast_with_options, take};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use arrow::error::ArrowError;
use parquet::arrow::{FieldLevels, ProjectionMask, parquet_to_arrow_field_levels};
use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::errors::Result as ParquetResult;
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};

/// Some rows of a file.
pub(crate) struct ColumnRows {
    pub batch: RecordBatch,
    /// The column of the documents' texts, read as bytes, is declared as one of texts.
    pub has_text: bool,
    /// Rows of which a text, that of the document excepted, is no UTF-8; they have none in that column.
    not_utf8: Option<BooleanArray>,
}

impl ColumnRows {
    pub fn slice(&self, first: usize, rows: usize) -> Self {
        let not_utf8 = self.not_utf8.as_ref().map(|bad| bad.slice(first, rows));
        Self { batch: self.batch.slice(first, rows), not_utf8, ..*self }
    }

    pub fn is_not_utf8(&self, row: usize) -> bool {
        self.not_utf8.as_ref().is_some_and(|bad| bad.value(row))
    }
}

/// How the columns of a file are read whose texts are to be of the types `declared`.
pub(crate) fn levels_of_bytes(schema: &SchemaDescriptor, declared: &Fields) -> ParquetResult<FieldLevels> {
    let as_declared = || parquet_to_arrow_field_levels(schema, ProjectionMask::all(), Some(declared));
    let root = schema.root_schema();
    if root.get_fields().len() != declared.len() {
        return as_declared();
    }
    let columns = root.get_fields().iter().zip(declared).map(|(node, field)| {
        let bytes = field_of_bytes(field);
        let is_taken = bytes != *field && can_cast_types(bytes.data_type(), field.data_type());
        Ok(if is_taken { (unmarked(node)?, bytes) } else { (node.clone(), field.clone()) })
    });
    let (nodes, fields): (Vec<TypePtr>, Vec<FieldRef>) =
        columns.collect::<ParquetResult<Vec<_>>>()?.into_iter().unzip();
    let root = Type::group_type_builder(root.name()).with_fields(nodes).build()?;
    let schema = SchemaDescriptor::new(Arc::new(root));
    parquet_to_arrow_field_levels(&schema, ProjectionMask::all(), Some(&fields.into()))
        .or_else(|_| as_declared())
}

/// The node without a mark that its bytes are texts.
fn unmarked(node: &TypePtr) -> ParquetResult<TypePtr> {
    let info = node.get_basic_info();
    let id = info.has_id().then(|| info.id());
    Ok(Arc::new(match node.as_ref() {
        Type::GroupType { fields, .. } => {
            let fields = fields.iter().map(unmarked).collect::<ParquetResult<_>>()?;
            Type::group_type_builder(node.name())
                .with_repetition(info.repetition())
                .with_converted_type(info.converted_type())
                .with_logical_type(info.logical_type_ref().cloned())
                .with_fields(fields)
                .with_id(id)
                .build()?
        }
        Type::PrimitiveType { physical_type: Physical::BYTE_ARRAY, .. } if is_marked(node) => {
            Type::primitive_type_builder(node.name(), Physical::BYTE_ARRAY)
                .with_repetition(info.repetition())
                .with_id(id)
                .build()?
        }
        Type::PrimitiveType { .. } => return Ok(node.clone()),
    }))
}

fn is_marked(node: &Type) -> bool {
    let info = node.get_basic_info();
    match info.logical_type_ref() {
        Some(logical) => matches!(logical, LogicalType::String | LogicalType::Json),
        None => matches!(info.converted_type(), ConvertedType::UTF8 | ConvertedType::JSON),
    }
}

fn field_of_bytes(field: &FieldRef) -> FieldRef {
    Arc::new(field.as_ref().clone().with_data_type(of_bytes(field.data_type())))
}

fn of_bytes(texts: &DataType) -> DataType {
    use DataType::*;
    match texts {
        Utf8 => Binary,
        LargeUtf8 => LargeBinary,
        Utf8View => BinaryView,
        Dictionary(key, value) => Dictionary(key.clone(), Box::new(of_bytes(value))),
        Struct(fields) => Struct(fields.iter().map(field_of_bytes).collect()),
        List(field) => List(field_of_bytes(field)),
        LargeList(field) => LargeList(field_of_bytes(field)),
        FixedSizeList(field, length) => FixedSizeList(field_of_bytes(field), *length),
        Map(entries, is_sorted) => Map(field_of_bytes(entries), *is_sorted),
        other => other.clone(),
    }
}

/// The rows with their texts as `declared`, but for the column of the documents' texts, whose bytes the caller looks at.
pub(crate) fn with_texts(
    batch: RecordBatch,
    declared: &Fields,
    text_column: &str,
) -> Result<ColumnRows, ArrowError> {
    let (mut bad, mut has_text) = (Vec::new(), false);
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (index, column) in batch.columns().iter().enumerate() {
        let field = batch.schema_ref().field(index);
        let wanted = declared
            .get(index)
            .map(|wanted| wanted.data_type())
            .filter(|wanted| *wanted != column.data_type());
        let column = match wanted {
            Some(wanted) if field.name() != text_column => texts(column, wanted, &mut bad)?,
            _ => {
                has_text |= wanted.is_some();
                column.clone()
            }
        };
        fields.push(
            Field::new(field.name(), column.data_type().clone(), true)
                .with_metadata(field.metadata().clone()),
        );
        columns.push(column);
    }
    let rows = batch.num_rows();
    let not_utf8 = (!bad.is_empty()).then(|| {
        let mut flags = vec![false; rows];
        bad.iter().for_each(|row| flags[*row] = true);
        BooleanArray::from(flags)
    });
    let schema = Schema::new_with_metadata(fields, batch.schema_ref().metadata().clone());
    Ok(ColumnRows { batch: RecordBatch::try_new(Arc::new(schema), columns)?, has_text, not_utf8 })
}

/// The values as texts; none in rows where they are no UTF-8, which are added to `bad`.
fn texts(column: &ArrayRef, wanted: &DataType, bad: &mut Vec<usize>) -> Result<ArrayRef, ArrowError> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    if let Ok(texts) = cast_with_options(column, wanted, &strict) {
        return Ok(texts);
    }
    let (mut good, mut places) = (Vec::new(), Vec::new());
    for row in 0..column.len() {
        let alone = take(column, &UInt64Array::from(vec![row as u64]), None)?;
        let is_good = cast_with_options(&alone, wanted, &strict).is_ok();
        places.push(is_good.then_some(good.len() as u64));
        if is_good {
            good.push(row as u64);
        } else {
            bad.push(row);
        }
    }
    let good = cast_with_options(&take(column, &UInt64Array::from(good), None)?, wanted, &strict)?;
    take(&good, &UInt64Array::from(places), None)
}
