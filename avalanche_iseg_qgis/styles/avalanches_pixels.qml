<qgis styleCategories="Symbology|Fields|Forms|AttributeTable" version="3.22.0">
  <renderer-v2 enableorderby="0" forceraster="0" referencescale="-1" symbollevels="0" type="RuleRenderer">
    <rules key="root">
      <rule filter="&quot;image_name&quot; = coalesce(@avalanche_iseg_image, &quot;image_name&quot;)" key="of_the_image">
        <rule filter="&quot;review&quot; = 'rejected'" key="rejected" symbol="0"></rule>
        <rule filter="ELSE" key="others" symbol="1"></rule>
      </rule>
    </rules>
    <symbols>
      <symbol alpha="1" clip_to_extent="1" force_rhr="0" name="0" type="fill">
        <data_defined_properties>
          <Option type="Map">
            <Option name="name" type="QString" value=""></Option>
            <Option name="properties"></Option>
            <Option name="type" type="QString" value="collection"></Option>
          </Option>
        </data_defined_properties>
        <layer class="SimpleFill" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="border_width_map_unit_scale" type="QString" value="3x:0,0,0,0,0,0"></Option>
            <Option name="color" type="QString" value="0,0,255,255"></Option>
            <Option name="joinstyle" type="QString" value="round"></Option>
            <Option name="offset" type="QString" value="0,0"></Option>
            <Option name="offset_map_unit_scale" type="QString" value="3x:0,0,0,0,0,0"></Option>
            <Option name="offset_unit" type="QString" value="MM"></Option>
            <Option name="outline_color" type="QString" value="255,255,255,200"></Option>
            <Option name="outline_style" type="QString" value="solid"></Option>
            <Option name="outline_width" type="QString" value="0.9"></Option>
            <Option name="outline_width_unit" type="QString" value="MM"></Option>
            <Option name="style" type="QString" value="no"></Option>
          </Option>
          <prop k="border_width_map_unit_scale" v="3x:0,0,0,0,0,0"></prop>
          <prop k="color" v="0,0,255,255"></prop>
          <prop k="joinstyle" v="round"></prop>
          <prop k="offset" v="0,0"></prop>
          <prop k="offset_map_unit_scale" v="3x:0,0,0,0,0,0"></prop>
          <prop k="offset_unit" v="MM"></prop>
          <prop k="outline_color" v="255,255,255,200"></prop>
          <prop k="outline_style" v="solid"></prop>
          <prop k="outline_width" v="0.9"></prop>
          <prop k="outline_width_unit" v="MM"></prop>
          <prop k="style" v="no"></prop>
          <data_defined_properties>
            <Option type="Map">
              <Option name="name" type="QString" value=""></Option>
              <Option name="properties"></Option>
              <Option name="type" type="QString" value="collection"></Option>
            </Option>
          </data_defined_properties>
        </layer>
        <layer class="SimpleFill" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="border_width_map_unit_scale" type="QString" value="3x:0,0,0,0,0,0"></Option>
            <Option name="color" type="QString" value="120,120,120,0"></Option>
            <Option name="joinstyle" type="QString" value="round"></Option>
            <Option name="offset" type="QString" value="0,0"></Option>
            <Option name="offset_map_unit_scale" type="QString" value="3x:0,0,0,0,0,0"></Option>
            <Option name="offset_unit" type="QString" value="MM"></Option>
            <Option name="outline_color" type="QString" value="90,90,90,255"></Option>
            <Option name="outline_style" type="QString" value="dash"></Option>
            <Option name="outline_width" type="QString" value="0.46"></Option>
            <Option name="outline_width_unit" type="QString" value="MM"></Option>
            <Option name="style" type="QString" value="solid"></Option>
          </Option>
          <prop k="border_width_map_unit_scale" v="3x:0,0,0,0,0,0"></prop>
          <prop k="color" v="120,120,120,0"></prop>
          <prop k="joinstyle" v="round"></prop>
          <prop k="offset" v="0,0"></prop>
          <prop k="offset_map_unit_scale" v="3x:0,0,0,0,0,0"></prop>
          <prop k="offset_unit" v="MM"></prop>
          <prop k="outline_color" v="90,90,90,255"></prop>
          <prop k="outline_style" v="dash"></prop>
          <prop k="outline_width" v="0.46"></prop>
          <prop k="outline_width_unit" v="MM"></prop>
          <prop k="style" v="solid"></prop>
          <data_defined_properties>
            <Option type="Map">
              <Option name="name" type="QString" value=""></Option>
              <Option name="properties"></Option>
              <Option name="type" type="QString" value="collection"></Option>
            </Option>
          </data_defined_properties>
        </layer>
      </symbol>
      <symbol alpha="1" clip_to_extent="1" force_rhr="0" name="1" type="fill">
        <data_defined_properties>
          <Option type="Map">
            <Option name="name" type="QString" value=""></Option>
            <Option name="properties"></Option>
            <Option name="type" type="QString" value="collection"></Option>
          </Option>
        </data_defined_properties>
        <layer class="SimpleFill" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="border_width_map_unit_scale" type="QString" value="3x:0,0,0,0,0,0"></Option>
            <Option name="color" type="QString" value="0,0,255,255"></Option>
            <Option name="joinstyle" type="QString" value="round"></Option>
            <Option name="offset" type="QString" value="0,0"></Option>
            <Option name="offset_map_unit_scale" type="QString" value="3x:0,0,0,0,0,0"></Option>
            <Option name="offset_unit" type="QString" value="MM"></Option>
            <Option name="outline_color" type="QString" value="255,255,255,200"></Option>
            <Option name="outline_style" type="QString" value="solid"></Option>
            <Option name="outline_width" type="QString" value="0.9"></Option>
            <Option name="outline_width_unit" type="QString" value="MM"></Option>
            <Option name="style" type="QString" value="no"></Option>
          </Option>
          <prop k="border_width_map_unit_scale" v="3x:0,0,0,0,0,0"></prop>
          <prop k="color" v="0,0,255,255"></prop>
          <prop k="joinstyle" v="round"></prop>
          <prop k="offset" v="0,0"></prop>
          <prop k="offset_map_unit_scale" v="3x:0,0,0,0,0,0"></prop>
          <prop k="offset_unit" v="MM"></prop>
          <prop k="outline_color" v="255,255,255,200"></prop>
          <prop k="outline_style" v="solid"></prop>
          <prop k="outline_width" v="0.9"></prop>
          <prop k="outline_width_unit" v="MM"></prop>
          <prop k="style" v="no"></prop>
          <data_defined_properties>
            <Option type="Map">
              <Option name="name" type="QString" value=""></Option>
              <Option name="properties"></Option>
              <Option name="type" type="QString" value="collection"></Option>
            </Option>
          </data_defined_properties>
        </layer>
        <layer class="SimpleFill" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="border_width_map_unit_scale" type="QString" value="3x:0,0,0,0,0,0"></Option>
            <Option name="color" type="QString" value="208,19,155,30"></Option>
            <Option name="joinstyle" type="QString" value="round"></Option>
            <Option name="offset" type="QString" value="0,0"></Option>
            <Option name="offset_map_unit_scale" type="QString" value="3x:0,0,0,0,0,0"></Option>
            <Option name="offset_unit" type="QString" value="MM"></Option>
            <Option name="outline_color" type="QString" value="208,19,155,255"></Option>
            <Option name="outline_style" type="QString" value="solid"></Option>
            <Option name="outline_width" type="QString" value="0.46"></Option>
            <Option name="outline_width_unit" type="QString" value="MM"></Option>
            <Option name="style" type="QString" value="solid"></Option>
          </Option>
          <prop k="border_width_map_unit_scale" v="3x:0,0,0,0,0,0"></prop>
          <prop k="color" v="208,19,155,30"></prop>
          <prop k="joinstyle" v="round"></prop>
          <prop k="offset" v="0,0"></prop>
          <prop k="offset_map_unit_scale" v="3x:0,0,0,0,0,0"></prop>
          <prop k="offset_unit" v="MM"></prop>
          <prop k="outline_color" v="208,19,155,255"></prop>
          <prop k="outline_style" v="solid"></prop>
          <prop k="outline_width" v="0.46"></prop>
          <prop k="outline_width_unit" v="MM"></prop>
          <prop k="style" v="solid"></prop>
          <data_defined_properties>
            <Option type="Map">
              <Option name="name" type="QString" value=""></Option>
              <Option name="properties"></Option>
              <Option name="type" type="QString" value="collection"></Option>
            </Option>
          </data_defined_properties>
        </layer>
      </symbol>
    </symbols>
  </renderer-v2>
  <blendMode>0</blendMode>
  <featureBlendMode>0</featureBlendMode>
  <fieldConfiguration>
    <field configurationFlags="None" name="uuid">
      <editWidget type="Hidden">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="avalanche_id">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="type">
      <editWidget type="ValueMap">
        <config>
          <Option type="Map">
            <Option name="map" type="List">
              <Option type="Map">
                <Option name="(not chosen)" type="QString" value="{2839923C-8B7D-419E-B84B-CA2FE9B80EC7}"></Option>
              </Option>
              <Option type="Map">
                <Option name="Slab" type="QString" value="slab"></Option>
              </Option>
              <Option type="Map">
                <Option name="Loose snow" type="QString" value="loose"></Option>
              </Option>
              <Option type="Map">
                <Option name="Glide snow" type="QString" value="glide"></Option>
              </Option>
              <Option type="Map">
                <Option name="Slush flow" type="QString" value="slush"></Option>
              </Option>
              <Option type="Map">
                <Option name="Cornice fall" type="QString" value="cornice"></Option>
              </Option>
              <Option type="Map">
                <Option name="Unknown" type="QString" value="unknown"></Option>
              </Option>
            </Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="moisture">
      <editWidget type="ValueMap">
        <config>
          <Option type="Map">
            <Option name="map" type="List">
              <Option type="Map">
                <Option name="(not chosen)" type="QString" value="{2839923C-8B7D-419E-B84B-CA2FE9B80EC7}"></Option>
              </Option>
              <Option type="Map">
                <Option name="Dry" type="QString" value="dry"></Option>
              </Option>
              <Option type="Map">
                <Option name="Wet" type="QString" value="wet"></Option>
              </Option>
              <Option type="Map">
                <Option name="Mixed" type="QString" value="mixed"></Option>
              </Option>
              <Option type="Map">
                <Option name="Unknown" type="QString" value="unknown"></Option>
              </Option>
            </Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="trigger">
      <editWidget type="ValueMap">
        <config>
          <Option type="Map">
            <Option name="map" type="List">
              <Option type="Map">
                <Option name="(not chosen)" type="QString" value="{2839923C-8B7D-419E-B84B-CA2FE9B80EC7}"></Option>
              </Option>
              <Option type="Map">
                <Option name="Natural" type="QString" value="natural"></Option>
              </Option>
              <Option type="Map">
                <Option name="Person" type="QString" value="person"></Option>
              </Option>
              <Option type="Map">
                <Option name="Explosive" type="QString" value="explosive"></Option>
              </Option>
              <Option type="Map">
                <Option name="Machine" type="QString" value="machine"></Option>
              </Option>
              <Option type="Map">
                <Option name="Other" type="QString" value="other"></Option>
              </Option>
              <Option type="Map">
                <Option name="Unknown" type="QString" value="unknown"></Option>
              </Option>
            </Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="size_eaws">
      <editWidget type="ValueMap">
        <config>
          <Option type="Map">
            <Option name="map" type="List">
              <Option type="Map">
                <Option name="(not chosen)" type="QString" value="{2839923C-8B7D-419E-B84B-CA2FE9B80EC7}"></Option>
              </Option>
              <Option type="Map">
                <Option name="1 – small" type="QString" value="1"></Option>
              </Option>
              <Option type="Map">
                <Option name="2 – medium" type="QString" value="2"></Option>
              </Option>
              <Option type="Map">
                <Option name="3 – large" type="QString" value="3"></Option>
              </Option>
              <Option type="Map">
                <Option name="4 – very large" type="QString" value="4"></Option>
              </Option>
              <Option type="Map">
                <Option name="5 – extremely large" type="QString" value="5"></Option>
              </Option>
            </Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="part">
      <editWidget type="ValueMap">
        <config>
          <Option type="Map">
            <Option name="map" type="List">
              <Option type="Map">
                <Option name="Whole avalanche" type="QString" value="avalanche"></Option>
              </Option>
              <Option type="Map">
                <Option name="Release area" type="QString" value="release"></Option>
              </Option>
              <Option type="Map">
                <Option name="Track" type="QString" value="track"></Option>
              </Option>
              <Option type="Map">
                <Option name="Deposit" type="QString" value="deposit"></Option>
              </Option>
            </Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="outline_quality">
      <editWidget type="ValueMap">
        <config>
          <Option type="Map">
            <Option name="map" type="List">
              <Option type="Map">
                <Option name="(not chosen)" type="QString" value="{2839923C-8B7D-419E-B84B-CA2FE9B80EC7}"></Option>
              </Option>
              <Option type="Map">
                <Option name="Exact" type="QString" value="exact"></Option>
              </Option>
              <Option type="Map">
                <Option name="Estimated" type="QString" value="estimated"></Option>
              </Option>
              <Option type="Map">
                <Option name="Position only" type="QString" value="created"></Option>
              </Option>
            </Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="comment">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="fracture_width_m">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="fracture_depth_cm">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="observed_at">
      <editWidget type="DateTime">
        <config>
          <Option type="Map">
            <Option name="allow_null" type="bool" value="true"></Option>
            <Option name="calendar_popup" type="bool" value="true"></Option>
            <Option name="display_format" type="QString" value="yyyy-MM-dd HH:mm"></Option>
            <Option name="field_format" type="QString" value="yyyy-MM-dd HH:mm:ss"></Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="released_from">
      <editWidget type="DateTime">
        <config>
          <Option type="Map">
            <Option name="allow_null" type="bool" value="true"></Option>
            <Option name="calendar_popup" type="bool" value="true"></Option>
            <Option name="display_format" type="QString" value="yyyy-MM-dd HH:mm"></Option>
            <Option name="field_format" type="QString" value="yyyy-MM-dd HH:mm:ss"></Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="released_to">
      <editWidget type="DateTime">
        <config>
          <Option type="Map">
            <Option name="allow_null" type="bool" value="true"></Option>
            <Option name="calendar_popup" type="bool" value="true"></Option>
            <Option name="display_format" type="QString" value="yyyy-MM-dd HH:mm"></Option>
            <Option name="field_format" type="QString" value="yyyy-MM-dd HH:mm:ss"></Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="area_m2">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="area_surface_m2">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="length_m">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="width_m">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="size_suggested">
      <editWidget type="ValueMap">
        <config>
          <Option type="Map">
            <Option name="map" type="List">
              <Option type="Map">
                <Option name="(not chosen)" type="QString" value="{2839923C-8B7D-419E-B84B-CA2FE9B80EC7}"></Option>
              </Option>
              <Option type="Map">
                <Option name="1 – small" type="QString" value="1"></Option>
              </Option>
              <Option type="Map">
                <Option name="2 – medium" type="QString" value="2"></Option>
              </Option>
              <Option type="Map">
                <Option name="3 – large" type="QString" value="3"></Option>
              </Option>
              <Option type="Map">
                <Option name="4 – very large" type="QString" value="4"></Option>
              </Option>
              <Option type="Map">
                <Option name="5 – extremely large" type="QString" value="5"></Option>
              </Option>
            </Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="z_max">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="z_min">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="z_release">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="z_deposit">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="aspect_deg">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="aspect_8">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="slope_mean_deg">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="slope_release_deg">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="bridged">
      <editWidget type="CheckBox">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="vis_frac">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="closed_frac">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="sigma_map_m">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="sigma_map_p90_m">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="grazing_med_deg">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="range_med_m">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="image_name">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="image_path">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="image_sha256">
      <editWidget type="Hidden">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="camera">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="camera_id">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="pose_id">
      <editWidget type="Hidden">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="drift_deg">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="method">
      <editWidget type="ValueMap">
        <config>
          <Option type="Map">
            <Option name="map" type="List">
              <Option type="Map">
                <Option name="Interactive segmentation" type="QString" value="interactive"></Option>
              </Option>
              <Option type="Map">
                <Option name="Drawn by hand" type="QString" value="polygon"></Option>
              </Option>
              <Option type="Map">
                <Option name="Imported outline" type="QString" value="imported"></Option>
              </Option>
            </Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="model_id">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="prompts">
      <editWidget type="Hidden">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="n_clicks">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="seconds">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="threshold">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="plugin_version">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="mapper">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="reviewed_by">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="created_at">
      <editWidget type="DateTime">
        <config>
          <Option type="Map">
            <Option name="allow_null" type="bool" value="true"></Option>
            <Option name="calendar_popup" type="bool" value="true"></Option>
            <Option name="display_format" type="QString" value="yyyy-MM-dd HH:mm"></Option>
            <Option name="field_format" type="QString" value="yyyy-MM-dd HH:mm:ss"></Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="modified_at">
      <editWidget type="DateTime">
        <config>
          <Option type="Map">
            <Option name="allow_null" type="bool" value="true"></Option>
            <Option name="calendar_popup" type="bool" value="true"></Option>
            <Option name="display_format" type="QString" value="yyyy-MM-dd HH:mm"></Option>
            <Option name="field_format" type="QString" value="yyyy-MM-dd HH:mm:ss"></Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="review">
      <editWidget type="ValueMap">
        <config>
          <Option type="Map">
            <Option name="map" type="List">
              <Option type="Map">
                <Option name="(not chosen)" type="QString" value="{2839923C-8B7D-419E-B84B-CA2FE9B80EC7}"></Option>
              </Option>
              <Option type="Map">
                <Option name="Accepted" type="QString" value="accepted"></Option>
              </Option>
              <Option type="Map">
                <Option name="Rejected" type="QString" value="rejected"></Option>
              </Option>
            </Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="review_reason">
      <editWidget type="TextEdit">
        <config>
          <Option></Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="reviewed_at">
      <editWidget type="DateTime">
        <config>
          <Option type="Map">
            <Option name="allow_null" type="bool" value="true"></Option>
            <Option name="calendar_popup" type="bool" value="true"></Option>
            <Option name="display_format" type="QString" value="yyyy-MM-dd HH:mm"></Option>
            <Option name="field_format" type="QString" value="yyyy-MM-dd HH:mm:ss"></Option>
          </Option>
        </config>
      </editWidget>
    </field>
  </fieldConfiguration>
  <aliases>
    <alias field="uuid" index="0" name="Identifier"></alias>
    <alias field="avalanche_id" index="1" name="Avalanche (groups its parts)"></alias>
    <alias field="type" index="2" name="Type"></alias>
    <alias field="moisture" index="3" name="Moisture"></alias>
    <alias field="trigger" index="4" name="Trigger"></alias>
    <alias field="size_eaws" index="5" name="Size (EAWS)"></alias>
    <alias field="part" index="6" name="Outline covers"></alias>
    <alias field="outline_quality" index="7" name="Outline"></alias>
    <alias field="comment" index="8" name="Comment"></alias>
    <alias field="fracture_width_m" index="9" name="Fracture width (m)"></alias>
    <alias field="fracture_depth_cm" index="10" name="Fracture depth (cm)"></alias>
    <alias field="observed_at" index="11" name="Observed at (UTC)"></alias>
    <alias field="released_from" index="12" name="Released after (UTC)"></alias>
    <alias field="released_to" index="13" name="Released before (UTC)"></alias>
    <alias field="area_m2" index="14" name="Area (m²)"></alias>
    <alias field="area_surface_m2" index="15" name="Surface area (m²)"></alias>
    <alias field="length_m" index="16" name="Length (m)"></alias>
    <alias field="width_m" index="17" name="Width (m)"></alias>
    <alias field="size_suggested" index="18" name="Suggested size (EAWS)"></alias>
    <alias field="z_max" index="19" name="Highest point (m)"></alias>
    <alias field="z_min" index="20" name="Lowest point (m)"></alias>
    <alias field="z_release" index="21" name="Elevation of the release (m)"></alias>
    <alias field="z_deposit" index="22" name="Elevation of the deposit (m)"></alias>
    <alias field="aspect_deg" index="23" name="Aspect (°)"></alias>
    <alias field="aspect_8" index="24" name="Aspect (sector)"></alias>
    <alias field="slope_mean_deg" index="25" name="Mean slope (°)"></alias>
    <alias field="slope_release_deg" index="26" name="Slope of the release (°)"></alias>
    <alias field="bridged" index="27" name="Hidden gaps filled"></alias>
    <alias field="vis_frac" index="28" name="Visible share of the outline"></alias>
    <alias field="closed_frac" index="29" name="Share closed over noise of the terrain"></alias>
    <alias field="sigma_map_m" index="30" name="Accuracy (m)"></alias>
    <alias field="sigma_map_p90_m" index="31" name="Accuracy, 90 % (m)"></alias>
    <alias field="grazing_med_deg" index="32" name="Grazing angle, median (°)"></alias>
    <alias field="range_med_m" index="33" name="Distance, median (m)"></alias>
    <alias field="image_name" index="34" name="Image"></alias>
    <alias field="image_path" index="35" name="Image file"></alias>
    <alias field="image_sha256" index="36" name="SHA-256 of the image"></alias>
    <alias field="camera" index="37" name="Camera (make, model)"></alias>
    <alias field="camera_id" index="38" name="Camera"></alias>
    <alias field="pose_id" index="39" name="Pose of the camera"></alias>
    <alias field="drift_deg" index="40" name="Drift of the camera (°)"></alias>
    <alias field="method" index="41" name="Method"></alias>
    <alias field="model_id" index="42" name="Model"></alias>
    <alias field="prompts" index="43" name="Prompts (JSON)"></alias>
    <alias field="n_clicks" index="44" name="Clicks"></alias>
    <alias field="seconds" index="45" name="Seconds spent"></alias>
    <alias field="threshold" index="46" name="Threshold"></alias>
    <alias field="plugin_version" index="47" name="Plugin version"></alias>
    <alias field="mapper" index="48" name="Mapped by"></alias>
    <alias field="reviewed_by" index="49" name="Reviewed by"></alias>
    <alias field="created_at" index="50" name="Created (UTC)"></alias>
    <alias field="modified_at" index="51" name="Outlined last (UTC)"></alias>
    <alias field="review" index="52" name="Review"></alias>
    <alias field="review_reason" index="53" name="Reason of the review"></alias>
    <alias field="reviewed_at" index="54" name="Reviewed (UTC)"></alias>
  </aliases>
  <defaults>
    <default applyOnUpdate="0" expression="uuid('WithoutBraces')" field="uuid"></default>
    <default applyOnUpdate="0" expression="uuid('WithoutBraces')" field="avalanche_id"></default>
    <default applyOnUpdate="0" expression="" field="type"></default>
    <default applyOnUpdate="0" expression="" field="moisture"></default>
    <default applyOnUpdate="0" expression="" field="trigger"></default>
    <default applyOnUpdate="0" expression="" field="size_eaws"></default>
    <default applyOnUpdate="0" expression="'avalanche'" field="part"></default>
    <default applyOnUpdate="0" expression="" field="outline_quality"></default>
    <default applyOnUpdate="0" expression="" field="comment"></default>
    <default applyOnUpdate="0" expression="" field="fracture_width_m"></default>
    <default applyOnUpdate="0" expression="" field="fracture_depth_cm"></default>
    <default applyOnUpdate="0" expression="" field="observed_at"></default>
    <default applyOnUpdate="0" expression="" field="released_from"></default>
    <default applyOnUpdate="0" expression="" field="released_to"></default>
    <default applyOnUpdate="0" expression="" field="area_m2"></default>
    <default applyOnUpdate="0" expression="" field="area_surface_m2"></default>
    <default applyOnUpdate="0" expression="" field="length_m"></default>
    <default applyOnUpdate="0" expression="" field="width_m"></default>
    <default applyOnUpdate="0" expression="" field="size_suggested"></default>
    <default applyOnUpdate="0" expression="" field="z_max"></default>
    <default applyOnUpdate="0" expression="" field="z_min"></default>
    <default applyOnUpdate="0" expression="" field="z_release"></default>
    <default applyOnUpdate="0" expression="" field="z_deposit"></default>
    <default applyOnUpdate="0" expression="" field="aspect_deg"></default>
    <default applyOnUpdate="0" expression="" field="aspect_8"></default>
    <default applyOnUpdate="0" expression="" field="slope_mean_deg"></default>
    <default applyOnUpdate="0" expression="" field="slope_release_deg"></default>
    <default applyOnUpdate="0" expression="" field="bridged"></default>
    <default applyOnUpdate="0" expression="" field="vis_frac"></default>
    <default applyOnUpdate="0" expression="" field="closed_frac"></default>
    <default applyOnUpdate="0" expression="" field="sigma_map_m"></default>
    <default applyOnUpdate="0" expression="" field="sigma_map_p90_m"></default>
    <default applyOnUpdate="0" expression="" field="grazing_med_deg"></default>
    <default applyOnUpdate="0" expression="" field="range_med_m"></default>
    <default applyOnUpdate="0" expression="" field="image_name"></default>
    <default applyOnUpdate="0" expression="" field="image_path"></default>
    <default applyOnUpdate="0" expression="" field="image_sha256"></default>
    <default applyOnUpdate="0" expression="" field="camera"></default>
    <default applyOnUpdate="0" expression="" field="camera_id"></default>
    <default applyOnUpdate="0" expression="" field="pose_id"></default>
    <default applyOnUpdate="0" expression="" field="drift_deg"></default>
    <default applyOnUpdate="0" expression="'polygon'" field="method"></default>
    <default applyOnUpdate="0" expression="" field="model_id"></default>
    <default applyOnUpdate="0" expression="" field="prompts"></default>
    <default applyOnUpdate="0" expression="" field="n_clicks"></default>
    <default applyOnUpdate="0" expression="" field="seconds"></default>
    <default applyOnUpdate="0" expression="" field="threshold"></default>
    <default applyOnUpdate="0" expression="" field="plugin_version"></default>
    <default applyOnUpdate="0" expression="@user_full_name" field="mapper"></default>
    <default applyOnUpdate="0" expression="" field="reviewed_by"></default>
    <default applyOnUpdate="0" expression="" field="created_at"></default>
    <default applyOnUpdate="0" expression="" field="modified_at"></default>
    <default applyOnUpdate="0" expression="" field="review"></default>
    <default applyOnUpdate="0" expression="" field="review_reason"></default>
    <default applyOnUpdate="0" expression="" field="reviewed_at"></default>
  </defaults>
  <constraints>
    <constraint constraints="0" exp_strength="0" field="uuid" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="avalanche_id" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="1" exp_strength="0" field="type" notnull_strength="2" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="moisture" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="trigger" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="size_eaws" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="part" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="outline_quality" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="comment" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="4" exp_strength="2" field="fracture_width_m" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="4" exp_strength="2" field="fracture_depth_cm" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="observed_at" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="released_from" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="4" exp_strength="2" field="released_to" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="area_m2" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="area_surface_m2" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="length_m" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="width_m" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="size_suggested" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="z_max" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="z_min" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="z_release" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="z_deposit" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="aspect_deg" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="aspect_8" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="slope_mean_deg" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="slope_release_deg" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="bridged" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="vis_frac" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="closed_frac" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="sigma_map_m" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="sigma_map_p90_m" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="grazing_med_deg" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="range_med_m" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="image_name" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="image_path" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="image_sha256" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="camera" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="camera_id" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="pose_id" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="drift_deg" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="method" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="model_id" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="prompts" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="n_clicks" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="seconds" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="threshold" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="plugin_version" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="mapper" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="reviewed_by" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="created_at" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="modified_at" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="review" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="review_reason" notnull_strength="0" unique_strength="0"></constraint>
    <constraint constraints="0" exp_strength="0" field="reviewed_at" notnull_strength="0" unique_strength="0"></constraint>
  </constraints>
  <constraintExpressions>
    <constraint desc="" exp="" field="uuid"></constraint>
    <constraint desc="" exp="" field="avalanche_id"></constraint>
    <constraint desc="" exp="" field="type"></constraint>
    <constraint desc="" exp="" field="moisture"></constraint>
    <constraint desc="" exp="" field="trigger"></constraint>
    <constraint desc="" exp="" field="size_eaws"></constraint>
    <constraint desc="" exp="" field="part"></constraint>
    <constraint desc="" exp="" field="outline_quality"></constraint>
    <constraint desc="" exp="" field="comment"></constraint>
    <constraint desc="Not below 0" exp="&quot;fracture_width_m&quot; is null or &quot;fracture_width_m&quot; >= 0" field="fracture_width_m"></constraint>
    <constraint desc="Not below 0" exp="&quot;fracture_depth_cm&quot; is null or &quot;fracture_depth_cm&quot; >= 0" field="fracture_depth_cm"></constraint>
    <constraint desc="" exp="" field="observed_at"></constraint>
    <constraint desc="" exp="" field="released_from"></constraint>
    <constraint desc="Not earlier than “Released after”" exp="coalesce(&quot;released_to&quot; >= &quot;released_from&quot;, true)" field="released_to"></constraint>
    <constraint desc="" exp="" field="area_m2"></constraint>
    <constraint desc="" exp="" field="area_surface_m2"></constraint>
    <constraint desc="" exp="" field="length_m"></constraint>
    <constraint desc="" exp="" field="width_m"></constraint>
    <constraint desc="" exp="" field="size_suggested"></constraint>
    <constraint desc="" exp="" field="z_max"></constraint>
    <constraint desc="" exp="" field="z_min"></constraint>
    <constraint desc="" exp="" field="z_release"></constraint>
    <constraint desc="" exp="" field="z_deposit"></constraint>
    <constraint desc="" exp="" field="aspect_deg"></constraint>
    <constraint desc="" exp="" field="aspect_8"></constraint>
    <constraint desc="" exp="" field="slope_mean_deg"></constraint>
    <constraint desc="" exp="" field="slope_release_deg"></constraint>
    <constraint desc="" exp="" field="bridged"></constraint>
    <constraint desc="" exp="" field="vis_frac"></constraint>
    <constraint desc="" exp="" field="closed_frac"></constraint>
    <constraint desc="" exp="" field="sigma_map_m"></constraint>
    <constraint desc="" exp="" field="sigma_map_p90_m"></constraint>
    <constraint desc="" exp="" field="grazing_med_deg"></constraint>
    <constraint desc="" exp="" field="range_med_m"></constraint>
    <constraint desc="" exp="" field="image_name"></constraint>
    <constraint desc="" exp="" field="image_path"></constraint>
    <constraint desc="" exp="" field="image_sha256"></constraint>
    <constraint desc="" exp="" field="camera"></constraint>
    <constraint desc="" exp="" field="camera_id"></constraint>
    <constraint desc="" exp="" field="pose_id"></constraint>
    <constraint desc="" exp="" field="drift_deg"></constraint>
    <constraint desc="" exp="" field="method"></constraint>
    <constraint desc="" exp="" field="model_id"></constraint>
    <constraint desc="" exp="" field="prompts"></constraint>
    <constraint desc="" exp="" field="n_clicks"></constraint>
    <constraint desc="" exp="" field="seconds"></constraint>
    <constraint desc="" exp="" field="threshold"></constraint>
    <constraint desc="" exp="" field="plugin_version"></constraint>
    <constraint desc="" exp="" field="mapper"></constraint>
    <constraint desc="" exp="" field="reviewed_by"></constraint>
    <constraint desc="" exp="" field="created_at"></constraint>
    <constraint desc="" exp="" field="modified_at"></constraint>
    <constraint desc="" exp="" field="review"></constraint>
    <constraint desc="" exp="" field="review_reason"></constraint>
    <constraint desc="" exp="" field="reviewed_at"></constraint>
  </constraintExpressions>
  <expressionfields></expressionfields>
  <attributetableconfig actionWidgetStyle="dropDown" sortExpression="" sortOrder="0">
    <columns>
      <column hidden="1" name="uuid" type="field" width="-1"></column>
      <column hidden="0" name="avalanche_id" type="field" width="-1"></column>
      <column hidden="0" name="type" type="field" width="-1"></column>
      <column hidden="0" name="moisture" type="field" width="-1"></column>
      <column hidden="0" name="trigger" type="field" width="-1"></column>
      <column hidden="0" name="size_eaws" type="field" width="-1"></column>
      <column hidden="0" name="part" type="field" width="-1"></column>
      <column hidden="0" name="outline_quality" type="field" width="-1"></column>
      <column hidden="0" name="comment" type="field" width="-1"></column>
      <column hidden="0" name="fracture_width_m" type="field" width="-1"></column>
      <column hidden="0" name="fracture_depth_cm" type="field" width="-1"></column>
      <column hidden="0" name="observed_at" type="field" width="-1"></column>
      <column hidden="0" name="released_from" type="field" width="-1"></column>
      <column hidden="0" name="released_to" type="field" width="-1"></column>
      <column hidden="0" name="area_m2" type="field" width="-1"></column>
      <column hidden="0" name="area_surface_m2" type="field" width="-1"></column>
      <column hidden="0" name="length_m" type="field" width="-1"></column>
      <column hidden="0" name="width_m" type="field" width="-1"></column>
      <column hidden="0" name="size_suggested" type="field" width="-1"></column>
      <column hidden="0" name="z_max" type="field" width="-1"></column>
      <column hidden="0" name="z_min" type="field" width="-1"></column>
      <column hidden="0" name="z_release" type="field" width="-1"></column>
      <column hidden="0" name="z_deposit" type="field" width="-1"></column>
      <column hidden="0" name="aspect_deg" type="field" width="-1"></column>
      <column hidden="0" name="aspect_8" type="field" width="-1"></column>
      <column hidden="0" name="slope_mean_deg" type="field" width="-1"></column>
      <column hidden="0" name="slope_release_deg" type="field" width="-1"></column>
      <column hidden="0" name="bridged" type="field" width="-1"></column>
      <column hidden="0" name="vis_frac" type="field" width="-1"></column>
      <column hidden="0" name="closed_frac" type="field" width="-1"></column>
      <column hidden="0" name="sigma_map_m" type="field" width="-1"></column>
      <column hidden="0" name="sigma_map_p90_m" type="field" width="-1"></column>
      <column hidden="0" name="grazing_med_deg" type="field" width="-1"></column>
      <column hidden="0" name="range_med_m" type="field" width="-1"></column>
      <column hidden="0" name="image_name" type="field" width="-1"></column>
      <column hidden="0" name="image_path" type="field" width="-1"></column>
      <column hidden="1" name="image_sha256" type="field" width="-1"></column>
      <column hidden="0" name="camera" type="field" width="-1"></column>
      <column hidden="0" name="camera_id" type="field" width="-1"></column>
      <column hidden="1" name="pose_id" type="field" width="-1"></column>
      <column hidden="0" name="drift_deg" type="field" width="-1"></column>
      <column hidden="0" name="method" type="field" width="-1"></column>
      <column hidden="0" name="model_id" type="field" width="-1"></column>
      <column hidden="1" name="prompts" type="field" width="-1"></column>
      <column hidden="0" name="n_clicks" type="field" width="-1"></column>
      <column hidden="0" name="seconds" type="field" width="-1"></column>
      <column hidden="0" name="threshold" type="field" width="-1"></column>
      <column hidden="0" name="plugin_version" type="field" width="-1"></column>
      <column hidden="0" name="mapper" type="field" width="-1"></column>
      <column hidden="0" name="reviewed_by" type="field" width="-1"></column>
      <column hidden="0" name="created_at" type="field" width="-1"></column>
      <column hidden="0" name="modified_at" type="field" width="-1"></column>
      <column hidden="0" name="review" type="field" width="-1"></column>
      <column hidden="0" name="review_reason" type="field" width="-1"></column>
      <column hidden="0" name="reviewed_at" type="field" width="-1"></column>
      <column hidden="0" type="actions" width="-1"></column>
    </columns>
  </attributetableconfig>
  <conditionalstyles>
    <rowstyles></rowstyles>
    <fieldstyles></fieldstyles>
  </conditionalstyles>
  <storedexpressions></storedexpressions>
  <editform tolerant="1"></editform>
  <editforminit></editforminit>
  <editforminitcodesource>0</editforminitcodesource>
  <editforminitfilepath></editforminitfilepath>
  <editforminitcode></editforminitcode>
  <featformsuppress>0</featformsuppress>
  <editorlayout>tablayout</editorlayout>
  <attributeEditorForm>
    <attributeEditorContainer columnCount="1" groupBox="0" name="Avalanche" showLabel="1" visibilityExpression="" visibilityExpressionEnabled="0">
      <attributeEditorField index="2" name="type" showLabel="1"></attributeEditorField>
      <attributeEditorField index="3" name="moisture" showLabel="1"></attributeEditorField>
      <attributeEditorField index="4" name="trigger" showLabel="1"></attributeEditorField>
      <attributeEditorField index="5" name="size_eaws" showLabel="1"></attributeEditorField>
      <attributeEditorField index="6" name="part" showLabel="1"></attributeEditorField>
      <attributeEditorField index="7" name="outline_quality" showLabel="1"></attributeEditorField>
      <attributeEditorField index="8" name="comment" showLabel="1"></attributeEditorField>
      <attributeEditorContainer columnCount="1" groupBox="1" name="Fracture" showLabel="1" visibilityExpression="" visibilityExpressionEnabled="0">
        <attributeEditorField index="9" name="fracture_width_m" showLabel="1"></attributeEditorField>
        <attributeEditorField index="10" name="fracture_depth_cm" showLabel="1"></attributeEditorField>
      </attributeEditorContainer>
    </attributeEditorContainer>
    <attributeEditorContainer columnCount="1" groupBox="0" name="When" showLabel="1" visibilityExpression="" visibilityExpressionEnabled="0">
      <attributeEditorField index="11" name="observed_at" showLabel="1"></attributeEditorField>
      <attributeEditorField index="12" name="released_from" showLabel="1"></attributeEditorField>
      <attributeEditorField index="13" name="released_to" showLabel="1"></attributeEditorField>
    </attributeEditorContainer>
    <attributeEditorContainer columnCount="1" groupBox="0" name="Origin" showLabel="1" visibilityExpression="" visibilityExpressionEnabled="0">
      <attributeEditorContainer columnCount="1" groupBox="1" name="Image" showLabel="1" visibilityExpression="" visibilityExpressionEnabled="0">
        <attributeEditorField index="34" name="image_name" showLabel="1"></attributeEditorField>
        <attributeEditorField index="35" name="image_path" showLabel="1"></attributeEditorField>
        <attributeEditorField index="37" name="camera" showLabel="1"></attributeEditorField>
        <attributeEditorField index="38" name="camera_id" showLabel="1"></attributeEditorField>
        <attributeEditorField index="40" name="drift_deg" showLabel="1"></attributeEditorField>
      </attributeEditorContainer>
      <attributeEditorContainer columnCount="1" groupBox="1" name="Segmentation" showLabel="1" visibilityExpression="" visibilityExpressionEnabled="0">
        <attributeEditorField index="41" name="method" showLabel="1"></attributeEditorField>
        <attributeEditorField index="42" name="model_id" showLabel="1"></attributeEditorField>
        <attributeEditorField index="44" name="n_clicks" showLabel="1"></attributeEditorField>
        <attributeEditorField index="45" name="seconds" showLabel="1"></attributeEditorField>
        <attributeEditorField index="46" name="threshold" showLabel="1"></attributeEditorField>
        <attributeEditorField index="47" name="plugin_version" showLabel="1"></attributeEditorField>
      </attributeEditorContainer>
      <attributeEditorContainer columnCount="1" groupBox="1" name="Record" showLabel="1" visibilityExpression="" visibilityExpressionEnabled="0">
        <attributeEditorField index="1" name="avalanche_id" showLabel="1"></attributeEditorField>
        <attributeEditorField index="48" name="mapper" showLabel="1"></attributeEditorField>
        <attributeEditorField index="49" name="reviewed_by" showLabel="1"></attributeEditorField>
        <attributeEditorField index="50" name="created_at" showLabel="1"></attributeEditorField>
        <attributeEditorField index="51" name="modified_at" showLabel="1"></attributeEditorField>
        <attributeEditorField index="52" name="review" showLabel="1"></attributeEditorField>
        <attributeEditorField index="53" name="review_reason" showLabel="1"></attributeEditorField>
        <attributeEditorField index="54" name="reviewed_at" showLabel="1"></attributeEditorField>
      </attributeEditorContainer>
    </attributeEditorContainer>
  </attributeEditorForm>
  <editable>
    <field editable="0" name="area_m2"></field>
    <field editable="0" name="area_surface_m2"></field>
    <field editable="0" name="aspect_8"></field>
    <field editable="0" name="aspect_deg"></field>
    <field editable="1" name="avalanche_id"></field>
    <field editable="0" name="bridged"></field>
    <field editable="0" name="camera"></field>
    <field editable="0" name="camera_id"></field>
    <field editable="0" name="closed_frac"></field>
    <field editable="1" name="comment"></field>
    <field editable="0" name="created_at"></field>
    <field editable="0" name="drift_deg"></field>
    <field editable="1" name="fracture_depth_cm"></field>
    <field editable="1" name="fracture_width_m"></field>
    <field editable="0" name="grazing_med_deg"></field>
    <field editable="0" name="image_name"></field>
    <field editable="0" name="image_path"></field>
    <field editable="0" name="image_sha256"></field>
    <field editable="0" name="length_m"></field>
    <field editable="1" name="mapper"></field>
    <field editable="0" name="method"></field>
    <field editable="0" name="model_id"></field>
    <field editable="0" name="modified_at"></field>
    <field editable="1" name="moisture"></field>
    <field editable="0" name="n_clicks"></field>
    <field editable="1" name="observed_at"></field>
    <field editable="1" name="outline_quality"></field>
    <field editable="1" name="part"></field>
    <field editable="0" name="plugin_version"></field>
    <field editable="0" name="pose_id"></field>
    <field editable="0" name="prompts"></field>
    <field editable="0" name="range_med_m"></field>
    <field editable="1" name="released_from"></field>
    <field editable="1" name="released_to"></field>
    <field editable="0" name="review"></field>
    <field editable="0" name="review_reason"></field>
    <field editable="0" name="reviewed_at"></field>
    <field editable="1" name="reviewed_by"></field>
    <field editable="0" name="seconds"></field>
    <field editable="0" name="sigma_map_m"></field>
    <field editable="0" name="sigma_map_p90_m"></field>
    <field editable="1" name="size_eaws"></field>
    <field editable="0" name="size_suggested"></field>
    <field editable="0" name="slope_mean_deg"></field>
    <field editable="0" name="slope_release_deg"></field>
    <field editable="0" name="threshold"></field>
    <field editable="1" name="trigger"></field>
    <field editable="1" name="type"></field>
    <field editable="0" name="uuid"></field>
    <field editable="0" name="vis_frac"></field>
    <field editable="0" name="width_m"></field>
    <field editable="0" name="z_deposit"></field>
    <field editable="0" name="z_max"></field>
    <field editable="0" name="z_min"></field>
    <field editable="0" name="z_release"></field>
  </editable>
  <labelOnTop></labelOnTop>
  <reuseLastValue></reuseLastValue>
  <dataDefinedFieldProperties></dataDefinedFieldProperties>
  <widgets></widgets>
  <layerGeometryType>2</layerGeometryType>
</qgis>
