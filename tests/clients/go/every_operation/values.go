package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	dynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	streams "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/smithy-go/middleware"
)

// A value of an attribute is of one of these, none of which JSON could be read into.
var attributeValues = map[string]reflect.Type{
	"B":    reflect.TypeOf(dynamodb.AttributeValueMemberB{}),
	"BOOL": reflect.TypeOf(dynamodb.AttributeValueMemberBOOL{}),
	"BS":   reflect.TypeOf(dynamodb.AttributeValueMemberBS{}),
	"L":    reflect.TypeOf(dynamodb.AttributeValueMemberL{}),
	"M":    reflect.TypeOf(dynamodb.AttributeValueMemberM{}),
	"N":    reflect.TypeOf(dynamodb.AttributeValueMemberN{}),
	"NS":   reflect.TypeOf(dynamodb.AttributeValueMemberNS{}),
	"NULL": reflect.TypeOf(dynamodb.AttributeValueMemberNULL{}),
	"S":    reflect.TypeOf(dynamodb.AttributeValueMemberS{}),
	"SS":   reflect.TypeOf(dynamodb.AttributeValueMemberSS{}),
}

var (
	anyAttributeValue = reflect.TypeOf((*dynamodb.AttributeValue)(nil)).Elem()
	anyStreamsValue   = reflect.TypeOf((*streams.AttributeValue)(nil)).Elem()
	// The members of this structure alone begin with small letters on the wire.
	record   = reflect.TypeOf(streams.Record{})
	metadata = reflect.TypeOf(middleware.Metadata{})
	instant  = reflect.TypeOf(time.Time{})
)

// What an operation takes: the SDK's types have the members' names.
func given(kind reflect.Type, value any) reflect.Value {
	made := reflect.New(kind).Elem()
	switch {
	case kind == anyAttributeValue:
		for name, inner := range value.(map[string]any) {
			member := reflect.New(attributeValues[name])
			field := member.Elem().FieldByName("Value")
			field.Set(given(field.Type(), inner))
			made.Set(member)
		}
	case kind == instant:
		seconds, err := value.(json.Number).Float64()
		check(err)
		made.Set(reflect.ValueOf(time.UnixMicro(int64(seconds * 1e6))))
	case kind.Kind() == reflect.Pointer:
		made.Set(reflect.New(kind.Elem()))
		made.Elem().Set(given(kind.Elem(), value))
	case kind.Kind() == reflect.Struct:
		for name, inner := range value.(map[string]any) {
			field := made.FieldByName(name)
			if !field.IsValid() {
				panic(fmt.Sprintf("the SDK's %v has no %s", kind, name))
			}
			field.Set(given(field.Type(), inner))
		}
	case kind.Kind() == reflect.Map:
		made.Set(reflect.MakeMap(kind))
		for key, inner := range value.(map[string]any) {
			made.SetMapIndex(reflect.ValueOf(key), given(kind.Elem(), inner))
		}
	case kind.Kind() == reflect.Slice && kind.Elem().Kind() == reflect.Uint8:
		data, err := base64.StdEncoding.DecodeString(value.(string))
		check(err)
		made.SetBytes(data)
	case kind.Kind() == reflect.Slice:
		items := value.([]any)
		made.Set(reflect.MakeSlice(kind, len(items), len(items)))
		for place, item := range items {
			made.Index(place).Set(given(kind.Elem(), item))
		}
	case kind.Kind() == reflect.String:
		made.SetString(value.(string))
	case kind.Kind() == reflect.Bool:
		made.SetBool(value.(bool))
	default:
		check(json.Unmarshal([]byte(value.(json.Number)), made.Addr().Interface()))
	}
	return made
}

// What an operation answers, without what is absent and what the SDK adds.
func shown(value reflect.Value) any {
	switch value.Kind() {
	case reflect.Pointer, reflect.Interface:
		if value.IsNil() {
			return nil
		}
		kind := value.Type()
		if kind == anyAttributeValue || kind == anyStreamsValue {
			member := value.Elem().Elem()
			_, name, _ := strings.Cut(member.Type().Name(), "AttributeValueMember")
			return map[string]any{name: shown(member.FieldByName("Value"))}
		}
		return shown(value.Elem())
	case reflect.Struct:
		if value.Type() == instant {
			return value.Interface()
		}
		members := map[string]any{}
		for place := range value.NumField() {
			field := value.Type().Field(place)
			if !field.IsExported() || field.Type == metadata {
				continue
			}
			if member := shown(value.Field(place)); member != nil {
				name := field.Name
				if value.Type() == record {
					name = strings.ToLower(name[:1]) + name[1:]
				}
				members[name] = member
			}
		}
		return members
	case reflect.Slice:
		if value.IsNil() {
			return nil
		}
		if value.Type().Elem().Kind() == reflect.Uint8 {
			return base64.StdEncoding.EncodeToString(value.Bytes())
		}
		items := make([]any, value.Len())
		for place := range items {
			items[place] = shown(value.Index(place))
		}
		return items
	case reflect.Map:
		if value.IsNil() {
			return nil
		}
		entries := map[string]any{}
		for _, key := range value.MapKeys() {
			entries[key.String()] = shown(value.MapIndex(key))
		}
		return entries
	}
	// An enum that did not come is an empty text.
	if value.Kind() == reflect.String && value.Type().Name() != "string" && value.Len() == 0 {
		return nil
	}
	return value.Interface()
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
